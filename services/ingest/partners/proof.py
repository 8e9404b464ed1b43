"""Reads and writes the records that prove partners and keys. `provenance.py` has the rules."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from services.ingest.approvals import service as approvals
from services.ingest.audit import service as audit
from services.ingest.partners import repository
from services.ingest.partners.provenance import (
    ACTIONS,
    REGISTER,
    SEED_SUBJECT,
    Entry,
    Opens,
    Records,
    Unproved,
    decision_place,
    recorded_key,
    recorded_partner,
    seal_place,
    unproved,
)
from shared.approvals_kinds import Proposal
from shared.db import Session
from shared.sealing import SealBroken, Sealer

_SEALED_TEXT: Final = "recorded"
_REASON: Final = "登记文件 registered by the seed file"


def opener(sealer: Sealer) -> Opens:
    """Return the check of a seal in an entry of the audit log."""

    def opens(seal: str, place: str) -> bool:
        try:
            return sealer.open(bytes.fromhex(seal), place) == _SEALED_TEXT
        except (SealBroken, ValueError):
            return False

    return opens


def seal_decision(sealer: Sealer, proposal: Proposal) -> dict[str, str]:
    """Return the evidence of an approval for its audit entry: only the key encryption key makes it."""
    return {"seal": sealer.seal(_SEALED_TEXT, decision_place(proposal)).hex()}


async def record_registration(session: Session, sealer: Sealer, partner_id: str, app_keys: Collection[str]) -> None:
    """Write the audit entry of a partner of the seed file, as it is now, with the keys of the file.

    The entry is sealed with the key encryption key: a person who can only write the database cannot make one.
    """
    row = await repository.find_partner(session, partner_id)
    assert row is not None
    keys = [recorded_key(key) for key in await repository.keys_of(session, [partner_id]) if key["app_key"] in app_keys]
    after: dict[str, Any] = {"partner": recorded_partner(row), "keys": keys}
    seal = sealer.seal(_SEALED_TEXT, seal_place(partner_id, after)).hex()
    await audit.record(
        session,
        subject=SEED_SUBJECT,
        action=REGISTER,
        about=f"partner/{partner_id}",
        reason=_REASON,
        after={**after, "seal": seal},
    )


async def find_unproved(
    session: Session,
    partners: Sequence[repository.Row],
    keys: Sequence[repository.Row],
    *,
    partner_ids: Collection[str] | None,
    opens: Opens | None,
) -> list[Unproved]:
    """Return the partners and keys that their records do not prove. `partner_ids`: None reads the records of all.

    Rows and records must come from one snapshot.
    """
    objects = None if partner_ids is None else [f"partner/{one}" for one in partner_ids]
    entries = [
        Entry(row.entry_id, row.at, row.subject, row.action, row.object, row.after or {})
        for row in await audit.entries_about(session, objects=objects, actions=ACTIONS)
    ]
    proposals = await approvals.approved(session, kinds=ACTIONS, subjects=objects)
    began_at: datetime | None = await repository.records_began_at(session)
    found = {proposal.proposal_id: proposal for proposal in proposals}
    return unproved(partners, keys, Records(entries, found, began_at, opens))


async def find_all_unproved(session: Session, *, opens: Opens | None) -> list[Unproved]:
    """Like `find_unproved`, for all partners and keys. Begin the transaction with `begin_snapshot`."""
    partners, keys = await repository.all_partners(session), await repository.all_keys(session)
    return await find_unproved(session, partners, keys, partner_ids=None, opens=opens)


async def begin_snapshot(session: Session) -> None:
    """Make every statement of the transaction see the same state. Call it first."""
    await repository.begin_snapshot(session)
