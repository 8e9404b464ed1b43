"""Changes of the library that one operator proposes and another approves: new factors, and retiring a version."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from services.accounting.approvals.domain import PublicStatus, stored_statuses
from services.accounting.methodologies import service as methodologies
from services.accounting.methodologies.approvers import Approvers
from services.accounting.methodologies.compiled import factor_set
from services.accounting.methodologies.coverage import Days, days_at
from services.accounting.methodologies.document import Factor, content_sha256, parse_factors
from services.accounting.publishing import service
from services.accounting.publishing.draft_warnings import Outlook, retirement_outlook
from services.accounting.publishing.errors import (
    AlreadyRetired,
    EffectiveDatePast,
    FactorExists,
    RetirementOutsideInterval,
)
from shared import clock
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal, spell_text
from shared.auth.tokens import Operator
from shared.db import Session
from shared.language import Text

SCOPE: Final = "ops:methodologies"
KIND_NAMES: Final = ("factors", "retirement")


async def propose_factors(
    session: Session, approvals: Approvals, *, text: str, reason: str, operator: Operator
) -> Proposal:
    """Propose new factors. The subject is the first factor by name. Approving checks all of them again.

    Raises DocumentInvalid, FactorExists, ProposalOpen.
    """
    factors = parse_factors(text)
    return await approvals.propose(
        session,
        kind="factors",
        subject=min(_factor_name(factor) for factor in factors),
        content={"factors": _summaries(factors), "yaml": text},
        reason=reason,
        operator=operator,
    )


async def propose_retirement(
    session: Session, approvals: Approvals, *, code: str, version: int, ends_on: date, reason: str, operator: Operator
) -> Proposal:
    """Propose to retire a version.

    Raises MethodologyNotFound, AlreadyRetired, EffectiveDatePast, RetirementOutsideInterval, ProposalOpen.
    """
    return await approvals.propose(
        session,
        kind="retirement",
        subject=f"{code} v{version}",
        content={"code": code, "version": version, "from": ends_on.isoformat()},
        reason=reason,
        operator=operator,
    )


async def list_proposals(
    session: Session, approvals: Approvals, *, status: PublicStatus | None, before: uuid.UUID | None, limit: int
) -> Sequence[Proposal]:
    """Return proposals, newest first, older than proposal `before`. `status` None means all."""
    statuses = stored_statuses(status) if status else None
    return await approvals.newest(session, kinds=KIND_NAMES, statuses=statuses, before=before, limit=limit)


async def get_proposal(session: Session, approvals: Approvals, *, proposal_id: uuid.UUID) -> Proposal:
    """Return a proposal. Raises ProposalNotFound."""
    return await approvals.get(session, proposal_id=proposal_id, kinds=KIND_NAMES)


async def approve(
    session: Session, approvals: Approvals, *, proposal_id: uuid.UUID, reason: str, operator: Operator
) -> Proposal:
    """Approve a proposal and act on it.

    Raises ProposalNotFound, ProposalDecided, SecondPersonNeeded, and the errors that proposing would raise now.
    """
    return await approvals.approve(session, proposal_id=proposal_id, kinds=KIND_NAMES, reason=reason, operator=operator)


async def reject(
    session: Session, approvals: Approvals, *, proposal_id: uuid.UUID, reason: str, operator: Operator
) -> Proposal:
    """Withdraw the operator's own proposal, or reject another's. Raises ProposalNotFound, ProposalDecided."""
    return await approvals.reject_or_withdraw(
        session, proposal_id=proposal_id, kinds=KIND_NAMES, reason=reason, operator=operator
    )


def kinds(time_zone: str) -> tuple[Kind, Kind]:
    """Return the kinds of this room. A version may not end on a day that has begun in `time_zone`."""

    async def preview_retirement(session: Session, _subject: str, content: Mapping[str, Any]) -> Change:
        return await _preview_retirement(session, content, days=days_at(clock.now(), time_zone))

    async def end_version(session: Session, proposal: Proposal) -> None:
        await _end_version(session, proposal, days=days_at(clock.now(), time_zone))

    return (
        Kind(name="factors", scope=SCOPE, preview=_preview_factors, act=_register_factors),
        Kind(name="retirement", scope=SCOPE, preview=preview_retirement, act=end_version, spell=spell_version),
    )


def spell_version(subject: str) -> str:
    """Return `CODE vN`: the code in upper case, the number without leading zeros. Raises ValueError."""
    code, _, version = spell_text(subject).upper().rpartition(" V")
    return f"{code} v{int(version)}"


def _factor_name(factor: Factor) -> str:
    return f"{factor.id} {factor.vintage}"


def _summaries(factors: Sequence[Factor]) -> list[dict[str, Any]]:
    return [{"id": factor.id, "vintage": factor.vintage, "sha256": content_sha256(factor)} for factor in factors]


async def _preview_factors(session: Session, _subject: str, content: Mapping[str, Any]) -> Change:
    """Return what registering factors would change. Locks the library. Raises FactorExists."""
    await methodologies.lock_library(session)
    factors = parse_factors(content["yaml"])
    known = {(factor.id, factor.vintage) for factor in await methodologies.list_factors(session)}
    for key in factor_set(factors):
        if key in known:
            raise FactorExists(name=f"{key[0]} {key[1]}")
    return Change({"factors": []}, {"factors": _summaries(factors)})


async def _register_factors(session: Session, proposal: Proposal) -> None:
    factors = parse_factors(proposal.content["yaml"])
    await methodologies.register_factors(session, factors=factors, by=_approvers(proposal))


async def _preview_retirement(session: Session, content: Mapping[str, Any], *, days: Days) -> Change:
    """Return what retiring a version would change. Locks the library.

    Raises MethodologyNotFound, AlreadyRetired, EffectiveDatePast, RetirementOutsideInterval.
    """
    await methodologies.lock_library(session)
    code, version, ends_on = content["code"], content["version"], date.fromisoformat(content["from"])
    published = await methodologies.get_published(session, code=code, version=version)
    if published.status == "retired":
        raise AlreadyRetired
    if ends_on < days.earliest:
        raise EffectiveDatePast(day=ends_on, earliest=days.earliest)
    first, end = published.document.effective_from, published.effective_to
    # The first day itself is allowed: it takes back a version that is not yet in force.
    if not first <= ends_on < (end or date.max):
        raise RetirementOutsideInterval(name=f"{code} v{version}", first=first, end=end or Text("长期", "an open end"))
    outlook = await _outlook_of_retirement(session, content, days)
    restored = [(change.version.label, change.version.effective_to, change.effective_to) for change in outlook.ends]
    return Change(
        {
            "status": published.status,
            "effective_to": _day(end),
            **({"superseded": {label: _day(before) for label, before, _after in restored}} if restored else {}),
        },
        {
            "status": "retired",
            "effective_to": ends_on.isoformat(),
            **({"superseded": {label: _day(after) for label, _before, after in restored}} if restored else {}),
            **({"warnings": [warning.text.en for warning in outlook.warnings]} if outlook.warnings else {}),
        },
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


async def outlook_of(session: Session, proposal: Proposal, *, days: Days) -> Outlook:
    """Return the effect of approving this proposal now. It is empty unless an open retirement is still possible."""
    if proposal.kind != "retirement" or proposal.status != "open":
        return Outlook()
    return await _outlook_of_retirement(session, proposal.content, days)


async def _outlook_of_retirement(session: Session, content: Mapping[str, Any], days: Days) -> Outlook:
    published, ends_on = await service.published_versions(session), date.fromisoformat(content["from"])
    for version in published:
        document = version.document
        if (document.code, document.version) == (content["code"], content["version"]):
            is_inside = document.effective_from <= ends_on < (version.effective_to or date.max)
            if version.retired_from is None and is_inside and ends_on >= days.earliest:
                return retirement_outlook(version, ends_on, published, days)
    return Outlook()


async def _end_version(session: Session, proposal: Proposal, *, days: Days) -> None:
    """Retire the version. On its first day this withdraws it, and the versions that it superseded apply again."""
    outlook = await _outlook_of_retirement(session, proposal.content, days)
    await methodologies.retire_version(
        session,
        code=proposal.content["code"],
        version=proposal.content["version"],
        ends_on=date.fromisoformat(proposal.content["from"]),
        by=_approvers(proposal),
    )
    await service.move_ends(session, outlook.ends, by=_approvers(proposal))


def _approvers(proposal: Proposal) -> Approvers:
    return Approvers(proposal.proposed_by, str(proposal.decided_by))
