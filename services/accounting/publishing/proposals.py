"""Changes of the library that one operator proposes and another approves: new factors, and retiring a version."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from services.accounting.audit import service as audit
from services.accounting.methodologies import service as methodologies
from services.accounting.methodologies.compiled import factor_set
from services.accounting.methodologies.document import Factor, content_sha256, parse_factors
from services.accounting.publishing import repository
from services.accounting.publishing.errors import (
    AlreadyRetired,
    EffectiveDatePast,
    FactorExists,
    ProposalDecided,
    ProposalNotFound,
    RetirementOutsideInterval,
    SecondPersonNeeded,
)
from shared.db import Session
from shared.ids import new_id


async def _propose(session: Session, *, kind: str, content: Mapping[str, Any], reason: str, subject: str) -> Any:
    row = await repository.add_proposal(
        session,
        {
            "proposal_id": new_id(),
            "kind": kind,
            "content": dict(content),
            "status": "open",
            "reason": reason,
            "proposed_by": subject,
        },
    )
    await audit.record(
        session, subject=subject, action=f"{kind}.propose", about=_about(row), reason=reason, after=dict(content)
    )
    return row


def _about(row: Any) -> str:
    if row.kind == "retirement":
        return f"{row.content['code']} v{row.content['version']}"
    first = row.content["factors"][0]
    return f"{first['id']} {first['vintage']}"


async def propose_factors(session: Session, *, text: str, reason: str, subject: str) -> Any:
    """Raises DocumentInvalid, FactorExists."""
    factors = await _new_factors(session, text)
    names = [{"id": f.id, "vintage": f.vintage, "sha256": content_sha256(f)} for f in factors]
    content = {"factors": names, "yaml": text}
    return await _propose(session, kind="factors", content=content, reason=reason, subject=subject)


async def _new_factors(session: Session, text: str) -> Sequence[Factor]:
    factors = parse_factors(text)
    known = {(factor.id, factor.vintage) for factor in await methodologies.all_factors(session)}
    for key in factor_set(factors):
        if key in known:
            raise FactorExists(name=f"{key[0]} {key[1]}")
    return factors


async def propose_retirement(
    session: Session, *, code: str, version: int, ends_on: date, reason: str, subject: str, today: date
) -> Any:
    """Raises MethodologyNotFound, AlreadyRetired, EffectiveDatePast, RetirementOutsideInterval."""
    content = {"code": code, "version": version, "from": ends_on.isoformat()}
    await _retirable(session, content, today)
    return await _propose(session, kind="retirement", content=content, reason=reason, subject=subject)


async def _retirable(session: Session, content: Mapping[str, Any], today: date) -> methodologies.Published:
    code, version, ends_on = content["code"], content["version"], date.fromisoformat(content["from"])
    published = await methodologies.published_version(session, code=code, version=version)
    if published.status == "retired":
        raise AlreadyRetired
    if ends_on < today:
        raise EffectiveDatePast(day=ends_on, today=today)
    first, end = published.document.effective_from, published.effective_to
    # The first day itself is allowed: a version that is not yet in force can be taken back altogether.
    if not first <= ends_on < (end or date.max):
        raise RetirementOutsideInterval(name=f"{code} v{version}", first=first, end=end or "∞")
    return published


async def proposals(session: Session, *, status: str | None, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    return await repository.proposals(session, status=status, before=before, limit=limit)


async def proposal(session: Session, *, proposal_id: uuid.UUID) -> Any:
    """Raises ProposalNotFound."""
    row = await repository.one_proposal(session, proposal_id)
    if row is None:
        raise ProposalNotFound
    return row


async def _open(session: Session, proposal_id: uuid.UUID) -> Any:
    row = await repository.one_proposal(session, proposal_id, lock=True)
    if row is None:
        raise ProposalNotFound
    if row.status != "open":
        raise ProposalDecided(status=row.status)
    return row


async def approve(session: Session, *, proposal_id: uuid.UUID, reason: str, subject: str, today: date) -> Any:
    """Does what was proposed, if it still can be done. Raises SecondPersonNeeded, ProposalDecided, and whatever
    proposing it would raise now."""
    await methodologies.lock_library(session)
    row = await _open(session, proposal_id)
    if subject == row.proposed_by:
        raise SecondPersonNeeded(subject=subject)
    before: dict[str, Any] | None = None
    if row.kind == "factors":
        await methodologies.register_factors(session, factors=await _new_factors(session, row.content["yaml"]))
    else:
        published = await _retirable(session, row.content, today)
        end = published.effective_to
        before = {"status": published.status, "effective_to": end.isoformat() if end else None}
        await methodologies.end_version(
            session,
            code=row.content["code"],
            version=row.content["version"],
            ends_on=date.fromisoformat(row.content["from"]),
            retired=True,
        )
    return await _decide(session, row, status="approved", reason=reason, subject=subject, before=before)


async def reject(session: Session, *, proposal_id: uuid.UUID, reason: str, subject: str) -> Any:
    """Also the way in which a proposer takes a proposal back. Raises ProposalNotFound, ProposalDecided."""
    row = await _open(session, proposal_id)
    return await _decide(session, row, status="rejected", reason=reason, subject=subject, before=None)


async def _decide(
    session: Session, row: Any, *, status: str, reason: str, subject: str, before: dict[str, Any] | None
) -> Any:
    decided = await repository.decide_proposal(session, row.proposal_id, status=status, decided_by=subject)
    await audit.record(
        session,
        subject=subject,
        action=f"{row.kind}.{'approve' if status == 'approved' else 'reject'}",
        about=_about(row),
        reason=reason,
        before=before,
        after={"proposal_id": str(row.proposal_id), "status": status, **row.content},
    )
    return decided
