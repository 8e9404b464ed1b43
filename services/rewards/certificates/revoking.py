"""Use cases of revocation: one operator proposes it with a public reason, another one approves it.

Nothing is given back: the grams stay with the campaign. A revoked certificate stays to be seen, with the reason.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from services.rewards.approvals.domain import MallProposal
from services.rewards.certificates import repository
from services.rewards.certificates.domain import digits_of
from services.rewards.certificates.errors import CertificateAlreadyRevoked
from services.rewards.certificates.service import check_certificate
from services.rewards.database import SCHEMA
from services.rewards.documents import service as documents
from shared import outbox
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal
from shared.auth.tokens import Operator
from shared.contracts.envelope import event_headers
from shared.contracts.identity import person_account_id
from shared.contracts.rewards_v1 import CERTIFICATE_REVOKED_TYPE, EVENT_SOURCE, CertificateRevoked
from shared.db import Session
from shared.eventlog import Record
from shared.ids import new_id
from shared.language import Text

SCOPE: Final = "ops:rewards"
REVOKE: Final = MallProposal.REVOKE_CERTIFICATE


async def propose(
    session: Session, approvals: Approvals, *, number: str, public_reason: Text, reason: str, operator: Operator
) -> Proposal:
    """Raises CertificateNoMistyped, CertificateNotFound, CertificateAlreadyRevoked, ProposalOpen."""
    found = await check_certificate(session, number=number)
    return await approvals.propose(
        session,
        kind=REVOKE,
        subject=found.certificate_no,
        content={"reason_zh": public_reason.zh, "reason_en": public_reason.en},
        reason=reason,
        operator=operator,
    )


def kinds(*, topic: str) -> tuple[Kind, ...]:
    """`topic` gets the event that tells the donor."""

    async def act(session: Session, proposal: Proposal) -> None:
        await _revoke(session, proposal, topic=topic)

    return (Kind(name=REVOKE, scope=SCOPE, preview=_preview, act=act, spell=digits_of),)


async def _preview(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    found = await check_certificate(session, number=subject)
    if found.revocation is not None:
        raise CertificateAlreadyRevoked
    before = {"campaign_id": found.campaign_id, "amount_mg": found.amount_mg, "revoked": False}
    return Change(before, {**before, "revoked": True, **content})


async def _revoke(session: Session, proposal: Proposal, *, topic: str) -> None:
    row = await repository.add_revocation(session, certificate_no=proposal.subject, **proposal.content)
    if row is None:
        raise CertificateAlreadyRevoked
    await documents.forget_certificate(session, certificate_no=proposal.subject)
    holder = await repository.by_no(session, proposal.subject)
    if holder is None or holder.user_id is None:
        return  # an erased donor is not told, and an enterprise sees it in its list
    event = CertificateRevoked(
        event_id=new_id(),
        certificate_no=proposal.subject,
        donation_id=holder.donation_id,
        account_id=person_account_id(holder.user_id),
        amount_mg=holder.amount_mg,
        revoked_at=row.revoked_at,
    )
    headers = event_headers(
        str(event.event_id), source=EVENT_SOURCE, event_type=CERTIFICATE_REVOKED_TYPE, at=event.revoked_at
    )
    record = Record(key=str(event.account_id).encode(), value=msgspec.json.encode(event), headers=headers)
    await outbox.add(session, SCHEMA, topic, [record])
