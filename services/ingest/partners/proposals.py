"""What opens the way to live data, or widens it, needs two operators: live partners, live keys, wider terms, resuming.

What narrows or ends it protects, and one operator does it at once: revoking, suspending, shorter times, narrower terms.
Sandbox partners and keys need one operator, because their events are never published.

A generated secret is shown to the proposer only, with the proposal. It waits sealed beside the proposal, outside its
content and outside the audit log, and becomes the key's when the second operator approves.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from services.ingest.partners import administration, repository
from services.ingest.partners.administration import View
from services.ingest.partners.domain import KeyInterval, widens
from services.ingest.partners.errors import PartnerChanged
from services.ingest.partners.proof import seal_decision
from services.ingest.partners.terms import KeyTimes, NewKey, NewPartner, PartnerTerms
from shared.approvals import LIFE, Approvals
from shared.approvals_kinds import Change, Kind, Proposal, Status
from shared.auth.tokens import Operator
from shared.db import Session
from shared.sealing import Sealer

SCOPE: Final = "ops:partners"
CREATE, CHANGE, RESUME, ISSUE, TIMES = "partner.create", "partner.change", "partner.resume", "key.issue", "key.times"
KINDS: Final = (CREATE, CHANGE, RESUME, ISSUE, TIMES)


async def create_partner(
    session: Session, approvals: Approvals, sealer: Sealer, operator: Operator, new: NewPartner
) -> View | Proposal:
    """A sandbox partner at once, a live one as a proposal. Raises PartnerExists, SourceTaken, ProposalOpen."""
    if new.environment == "sandbox":
        return await administration.create_partner(session, sealer, operator.subject, new)
    content = administration.shown_terms(new)
    proposal = await _propose(session, approvals, CREATE, new.partner_id, operator, new.reason, content)
    sealed = administration.sealed_terms(new, new.partner_id, sealer)
    await repository.add_secrets(session, proposal.proposal_id, sealed)
    return proposal


async def change_partner(
    session: Session, approvals: Approvals, sealer: Sealer, operator: Operator, partner_id: str, terms: PartnerTerms
) -> View | Proposal:
    """At once for a sandbox partner and for narrower terms. Raises PartnerNotFound, SourceTaken, ProposalOpen."""
    before = await administration.locked_terms(session, partner_id)
    plain, secrets = administration.plain_terms(terms), administration.named_secrets(terms)
    if before["environment"] == "sandbox" or not (secrets or widens(before, plain)):
        return await administration.change_partner(session, sealer, operator.subject, partner_id, terms)
    content = {**administration.shown_terms(terms), "base": _comparable(before)}
    proposal = await _propose(session, approvals, CHANGE, partner_id, operator, terms.reason, content)
    await repository.add_secrets(session, proposal.proposal_id, administration.sealed_terms(terms, partner_id, sealer))
    return proposal


async def resume_partner(
    session: Session, approvals: Approvals, operator: Operator, partner_id: str, reason: str
) -> View | Proposal:
    """At once for a sandbox partner and for one that is active. Raises PartnerNotFound, ProposalOpen."""
    before = await administration.locked_terms(session, partner_id)
    if before["environment"] == "sandbox" or before["status"] == "active":
        return await administration.set_status(session, operator.subject, partner_id, "active", reason)
    return await _propose(session, approvals, RESUME, partner_id, operator, reason, {})


async def issue_key(
    session: Session, approvals: Approvals, sealer: Sealer, operator: Operator, partner_id: str, new: NewKey
) -> tuple[View | Proposal, str | None]:
    """A sandbox key at once, a live key as a proposal; and the secret, if one was generated.

    Raises PartnerNotFound, SandboxOnly, InvalidRequest, KeyBelongsElsewhere, TooManyLiveKeys, ProposalOpen.
    """
    made = await administration.make_key(session, sealer, partner_id, new)
    if made.values["environment"] == "sandbox":
        return await administration.add_key(session, operator.subject, made.values, new.reason), made.secret
    plain = {name: value for name, value in made.values.items() if name not in {"secret_sealed", "partner_id"}}
    content = {"key": administration.json_values(plain)}
    proposal = await _propose(session, approvals, ISSUE, partner_id, operator, new.reason, content)
    if made.secret is not None:
        await repository.add_secrets(session, proposal.proposal_id, {"secret_sealed": made.values["secret_sealed"]})
    return proposal, made.secret


async def set_key_times(
    session: Session, approvals: Approvals, operator: Operator, partner_id: str, app_key: str, times: KeyTimes
) -> View | Proposal:
    """At once for a sandbox key, and where the key is valid at no new moment.

    Raises PartnerNotFound, PartnerKeyNotFound, KeyAlreadyRevoked, TooManyLiveKeys, InvalidRequest, ProposalOpen.
    """
    before = await administration.changeable_key(session, partner_id, app_key)
    old = KeyInterval(before["not_before"], before["not_after"])
    if before["environment"] == "sandbox" or old.contains(KeyInterval(times.not_before, times.not_after)):
        return await administration.set_key_times(session, operator.subject, partner_id, app_key, times)
    administration.require_order(times.not_before, times.not_after)
    moments = administration.json_values({"not_before": times.not_before, "not_after": times.not_after})
    content = {"app_key": app_key, "times": moments}
    return await _propose(session, approvals, TIMES, partner_id, operator, times.reason, content)


async def approve(
    session: Session, approvals: Approvals, *, proposal_id: uuid.UUID, operator: Operator, reason: str
) -> Proposal:
    """Raises ProposalNotFound, ProposalDecided, SecondPersonNeeded, and the errors that proposing would raise now."""
    return await approvals.approve(session, proposal_id=proposal_id, kinds=KINDS, operator=operator, reason=reason)


async def reject(
    session: Session, approvals: Approvals, *, proposal_id: uuid.UUID, operator: Operator, reason: str
) -> Proposal:
    """Withdraws the operator's own proposal, rejects another's. Raises ProposalNotFound, ProposalDecided."""
    closed = await approvals.reject_or_withdraw(
        session, proposal_id=proposal_id, kinds=KINDS, operator=operator, reason=reason
    )
    await repository.take_secrets(session, proposal_id)
    return closed


async def get_proposal(session: Session, approvals: Approvals, *, proposal_id: uuid.UUID) -> Proposal:
    """Raises ProposalNotFound."""
    return await approvals.get(session, proposal_id=proposal_id, kinds=KINDS)


async def list_proposals(
    session: Session, approvals: Approvals, *, status: Status | None, before: uuid.UUID | None, limit: int
) -> Sequence[Proposal]:
    statuses = None if status is None else (status,)
    return await approvals.newest(session, kinds=KINDS, statuses=statuses, before=before, limit=limit)


async def forget_secrets(session: Session) -> None:
    """Timed job: delete the sealed secrets of proposals that expired."""
    await repository.delete_secrets_before(session, LIFE + timedelta(hours=1))


def partner_of(proposal: Proposal) -> str:
    return proposal.subject.removeprefix(_PREFIX)


def app_key_of(proposal: Proposal) -> str | None:
    content = proposal.content
    app_key = content.get("app_key") or content.get("key", {}).get("app_key")
    return None if app_key is None else str(app_key)


# --- the kinds --------------------------------------------------------------------------------------------------------

# The audit log names a partner so, and one open proposal per kind and partner is enough.
_PREFIX: Final = "partner/"


def kinds(sealer: Sealer) -> tuple[Kind, ...]:
    """The kinds of this room. Every approval leaves its seal in the audit log."""
    return tuple(
        Kind(
            name=name,
            scope=SCOPE,
            preview=preview,
            act=act,
            approved_action=name,
            evidence=partial(seal_decision, sealer),
        )
        for name, preview, act in (
            (CREATE, _preview_create, _create),
            (CHANGE, _preview_change, _change),
            (RESUME, _preview_resume, _resume),
            (ISSUE, _preview_issue, _issue),
            (TIMES, _preview_times, _set_times),
        )
    )


async def _propose(
    session: Session,
    approvals: Approvals,
    kind: str,
    partner_id: str,
    operator: Operator,
    reason: str,
    content: Mapping[str, Any],
) -> Proposal:
    return await approvals.propose(
        session, kind=kind, subject=_PREFIX + partner_id, reason=reason, operator=operator, content=content
    )


def _comparable(terms: View) -> View:
    return {name: value for name, value in terms.items() if name != "status"}


def _replaced(content: Mapping[str, Any]) -> View:
    shown = {"oauth": content["oauth"]} if "oauth" in content else {}
    return {**{f"{name}_replaced": True for name in content["secrets"]}, **shown}


async def _preview_create(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    """Raises PartnerExists, SourceTaken."""
    await administration.require_new(session, subject.removeprefix(_PREFIX), content["terms"]["source"])
    return Change({}, {**content["terms"], "environment": "live", **_replaced(content)})


async def _create(session: Session, proposal: Proposal) -> None:
    sealed = await repository.take_secrets(session, proposal.proposal_id)
    values = {**proposal.content["terms"], **sealed, "partner_id": partner_of(proposal), "environment": "live"}
    await administration.add_partner(session, values)


async def _preview_change(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    """Raises PartnerNotFound, SourceTaken, and PartnerChanged if other terms hold now than when it was proposed."""
    before = await administration.locked_terms(session, subject.removeprefix(_PREFIX))
    if _comparable(before) != content["base"]:
        raise PartnerChanged
    await administration.require_free_source(session, before["partner_id"], content["terms"]["source"])
    return Change(before, {**before, **content["terms"], **_replaced(content)})


async def _change(session: Session, proposal: Proposal) -> None:
    sealed = await repository.take_secrets(session, proposal.proposal_id)
    await repository.change_partner(session, partner_of(proposal), {**proposal.content["terms"], **sealed})


async def _preview_resume(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    """Raises PartnerNotFound."""
    before = await administration.locked_terms(session, subject.removeprefix(_PREFIX))
    return Change({"status": before["status"]}, {"status": "active"})


async def _resume(session: Session, proposal: Proposal) -> None:
    await repository.change_partner(session, partner_of(proposal), {"status": "active"})


async def _preview_issue(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    """Raises PartnerNotFound, SandboxOnly, KeyBelongsElsewhere, TooManyLiveKeys."""
    key = content["key"]
    partner_id = subject.removeprefix(_PREFIX)
    await administration.require_key_room(session, partner_id, key["app_key"], key["environment"])
    return Change({}, administration.audited_key(key))


async def _issue(session: Session, proposal: Proposal) -> None:
    key = dict(proposal.content["key"])
    sealed = await repository.take_secrets(session, proposal.proposal_id)
    times = {name: _moment(key[name]) for name in ("not_before", "not_after")}
    values = {"secret_sealed": None, **key, **times, **sealed, "partner_id": partner_of(proposal)}
    await administration.store_key(session, values)


async def _preview_times(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    """Raises PartnerNotFound, PartnerKeyNotFound, KeyAlreadyRevoked."""
    before = await administration.changeable_key(session, subject.removeprefix(_PREFIX), content["app_key"])
    shown = administration.json_values(before)
    return Change(shown, {**shown, **content["times"]})


async def _set_times(session: Session, proposal: Proposal) -> None:
    """Raises TooManyLiveKeys."""
    times = {name: _moment(value) for name, value in proposal.content["times"].items()}
    await administration.store_key_times(session, partner_of(proposal), proposal.content["app_key"], times)


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
