"""Two-person approval, the same in every service: one operator proposes an act, another one approves it.

    propose ──▶ open ──approve, by another operator──▶ approved: the act is done in the same transaction
                 ├──reject, by another operator────▶ rejected
                 ├──withdraw, by the proposer──────▶ withdrawn
                 └──no decision within LIFE────────▶ expired, by a timed job

At most one proposal per kind and subject is open. Every step writes one entry to the service's audit log: the state of
the subject at the top level of `before` and `after`, the proposal under the key `proposal`.

How a service gets the table:

1. `approval = add_approval_table(metadata)` in a `models.py`.
2. The migration that creates the table takes the broad rights from the service's role. It may add open proposals and
   decide them, and may change nothing else:
   `REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON <schema>.approval FROM <role>`
   `GRANT INSERT (<INSERT_COLUMNS>), UPDATE (<UPDATE_COLUMNS>) ON <schema>.approval TO <role>`
3. The worker runs `Approvals(...).expire` as a timed job.

How a room registers a kind:

1. The room writes two functions. `preview(session, subject, content)` raises an AppError when the act is impossible and
   returns the subject's state before and after; it changes nothing, but it may take locks. `act(session, proposal)`
   does the act. Approving calls both, `preview` first.
2. The room returns a `Kind` with the name, the scope that may decide, both functions and the spelling of its subjects.
   Functions that need more (a library, a time zone) get it bound when the kind is made.
3. The service's `main.py` puts the kinds of all rooms into one `Approvals(...)` and keeps it as `app.state.approvals`.
   Routes take it as a `RequestApprovals`.
4. The room's use cases call `propose`, `approve`, `reject` and `withdraw` with the names of its own kinds.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    Index,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.approvals_kinds import (
    Kind,
    NotTheProposer,
    Proposal,
    ProposalDecided,
    ProposalNotFound,
    ProposalOpen,
    SecondPersonNeeded,
    Status,
    is_same_person,
)
from shared.audit import AuditLog
from shared.auth.tokens import Operator
from shared.errors import Forbidden
from shared.ids import new_id

LIFE: Final = timedelta(days=14)
EXPIRY_SUBJECT: Final = "~expiry"
"""Stands in the audit log as the one who ended an expired proposal."""
INSERT_COLUMNS: Final = ("proposal_id", "kind", "subject", "content", "reason", "proposed_by", "expires_at")
UPDATE_COLUMNS: Final = ("status", "decided_by", "decided_at")

_EXPIRE_MAX = 500
# A weaker form of `is_same_person`, for the database: in the C locale it folds the case of ASCII letters only.
_SAME_PERSON = "lower(btrim(normalize(decided_by, NFKC))) = lower(btrim(normalize(proposed_by, NFKC)))"


def add_approval_table(metadata: MetaData) -> Table:
    table = Table(
        "approval",
        metadata,
        Column("proposal_id", Uuid, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("subject", Text, nullable=False, comment="the thing to change, in the one spelling of its kind"),
        Column("content", JSONB, nullable=False),
        Column("reason", Text, nullable=False),
        Column("status", Text, nullable=False, server_default="open"),
        Column("proposed_by", Text, nullable=False, comment="the subject of the operator's token"),
        Column("proposed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Column("decided_by", Text, comment="null while open and when expired"),
        Column("decided_at", DateTime(timezone=True)),
        CheckConstraint("status IN ('open', 'approved', 'rejected', 'withdrawn', 'expired')", name="status"),
        CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(status IN ('open', 'expired')) = (decided_by IS NULL)", name="decided_by"),
        CheckConstraint(f"status NOT IN ('approved', 'rejected') OR NOT ({_SAME_PERSON})", name="two_people"),
    )
    Index("uq_approval_open", table.c.kind, table.c.subject, unique=True, postgresql_where=text("status = 'open'"))
    return table


class Approvals:
    """The proposals of one service. `kinds` are those its rooms registered."""

    def __init__(self, table: Table, *, audit: AuditLog, kinds: Iterable[Kind] = (), life: timedelta = LIFE) -> None:
        self._table, self._audit, self._life = table, audit, life
        self._kinds: dict[str, Kind] = {}
        for kind in kinds:
            if kind.name in self._kinds:
                raise ValueError(f"two kinds are called {kind.name}")
            self._kinds[kind.name] = kind

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(self._kinds.values())

    async def propose(
        self,
        session: AsyncSession,
        *,
        kind: str,
        subject: str,
        reason: str,
        operator: Operator,
        content: Mapping[str, Any] | None = None,
    ) -> Proposal:
        """Raises ProposalOpen, and the errors of the kind's preview."""
        chosen = self._kinds[kind]
        spelled = chosen.spell(subject)
        change = await chosen.preview(session, spelled, content or {})
        # The timed job may not have run yet, and an overdue proposal must not block a new one.
        await self._expire(session, self._table.c.kind == kind, self._table.c.subject == spelled)
        statement = (
            insert(self._table)
            .values(
                proposal_id=new_id(),
                kind=kind,
                subject=spelled,
                content=dict(content or {}),
                reason=reason,
                proposed_by=operator.subject,
                expires_at=func.now() + self._life,
            )
            .on_conflict_do_nothing()
            .returning(self._table)
        )
        row = (await session.execute(statement)).one_or_none()
        if row is None:
            raise ProposalOpen
        proposal = _proposal(row)
        await self._audit.record(
            session,
            subject=operator.subject,
            action=f"{kind}.propose",
            about=spelled,
            reason=reason,
            before=change.before,
            after={**change.before, **_with_content(proposal)},
        )
        return proposal

    async def approve(
        self,
        session: AsyncSession,
        *,
        proposal_id: uuid.UUID,
        kinds: Collection[str],
        operator: Operator,
        reason: str | None = None,
    ) -> Proposal:
        """Checks everything again, then does the act. An error rolls all of it back and leaves the proposal open.

        Raises ProposalNotFound (also for a proposal that is none of `kinds`), Forbidden without the kind's scope,
        ProposalDecided, SecondPersonNeeded, and the errors of the kind's `preview` and `act`.
        """
        proposal = await self._locked(session, proposal_id, kinds, operator)
        if is_same_person(operator.subject, proposal.proposed_by):
            raise SecondPersonNeeded(subject=operator.subject)
        kind = self._kinds[proposal.kind]
        change = await kind.preview(session, proposal.subject, proposal.content)
        decided = await self._decide(session, proposal, "approved", operator)
        await self._audit.record(
            session,
            subject=operator.subject,
            action=kind.approved_action or f"{kind.name}.approve",
            about=decided.subject,
            reason=reason or f"{decided.reason} ({_origin(decided)})",
            before={**change.before, **_without_content(proposal)},
            after={**change.after, **_with_content(decided), **(kind.evidence(decided) if kind.evidence else {})},
        )
        # The act comes last because it may lock rows that many transactions share.
        await kind.act(session, decided)
        return decided

    async def reject(
        self,
        session: AsyncSession,
        *,
        proposal_id: uuid.UUID,
        kinds: Collection[str],
        operator: Operator,
        reason: str | None = None,
    ) -> Proposal:
        """Raises ProposalNotFound, Forbidden, ProposalDecided, and SecondPersonNeeded for the proposer."""
        proposal = await self._locked(session, proposal_id, kinds, operator)
        if is_same_person(operator.subject, proposal.proposed_by):
            raise SecondPersonNeeded(subject=operator.subject)
        return await self._close(session, proposal, "rejected", operator, reason)

    async def withdraw(
        self,
        session: AsyncSession,
        *,
        proposal_id: uuid.UUID,
        kinds: Collection[str],
        operator: Operator,
        reason: str | None = None,
    ) -> Proposal:
        """Raises ProposalNotFound, ProposalDecided, and NotTheProposer for anybody else. No scope is needed."""
        proposal = await self._locked(session, proposal_id, kinds)
        if not is_same_person(operator.subject, proposal.proposed_by):
            raise NotTheProposer
        return await self._close(session, proposal, "withdrawn", operator, reason)

    async def reject_or_withdraw(
        self,
        session: AsyncSession,
        *,
        proposal_id: uuid.UUID,
        kinds: Collection[str],
        operator: Operator,
        reason: str | None = None,
    ) -> Proposal:
        """For routes that serve both: withdraws when the operator is the proposer, else rejects.

        Raises ProposalNotFound, Forbidden, ProposalDecided.
        """
        proposal = await self._locked(session, proposal_id, kinds, operator)
        own = is_same_person(operator.subject, proposal.proposed_by)
        return await self._close(session, proposal, "withdrawn" if own else "rejected", operator, reason)

    async def expire(self, session: AsyncSession) -> None:
        """Ends open proposals of every kind whose life is over, at most 500 a call. For a timed job."""
        await self._expire(session)

    async def get(self, session: AsyncSession, *, proposal_id: uuid.UUID, kinds: Collection[str]) -> Proposal:
        """Raises ProposalNotFound."""
        return await self._found(session, proposal_id, kinds, lock=False)

    async def open_about(self, session: AsyncSession, *, kind: str, subject: str) -> Proposal | None:
        """The open proposal of this kind and subject. It may be overdue."""
        table = self._table
        query = select(table).where(
            table.c.kind == kind, table.c.subject == self._kinds[kind].spell(subject), table.c.status == "open"
        )
        row = (await session.execute(query)).one_or_none()
        return None if row is None else _proposal(row)

    async def newest(
        self,
        session: AsyncSession,
        *,
        kinds: Collection[str],
        statuses: Collection[str] | None,
        before: uuid.UUID | None,
        limit: int,
    ) -> Sequence[Proposal]:
        """Newest first, older than proposal `before`; `statuses` None means all."""
        table = self._table
        query = select(table).where(table.c.kind.in_(kinds)).order_by(table.c.proposal_id.desc()).limit(limit)
        if statuses is not None:
            query = query.where(table.c.status.in_(statuses))
        if before is not None:
            query = query.where(table.c.proposal_id < before)
        return [_proposal(row) for row in await session.execute(query)]

    async def approved(
        self, session: AsyncSession, *, kinds: Collection[str], subjects: Collection[str] | None
    ) -> Sequence[Proposal]:
        """Return all approved proposals of these kinds, about these subjects or about all."""
        table = self._table
        query = select(table).where(table.c.status == "approved", table.c.kind.in_(kinds))
        if subjects is not None:
            query = query.where(table.c.subject.in_(subjects))
        return [_proposal(row) for row in await session.execute(query)]

    async def _found(
        self, session: AsyncSession, proposal_id: uuid.UUID, kinds: Collection[str], *, lock: bool
    ) -> Proposal:
        table = self._table
        query = select(table).where(table.c.proposal_id == proposal_id, table.c.kind.in_(kinds))
        row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise ProposalNotFound
        return _proposal(row)

    async def _locked(
        self, session: AsyncSession, proposal_id: uuid.UUID, kinds: Collection[str], decider: Operator | None = None
    ) -> Proposal:
        """An open proposal, locked until the transaction ends: of two decisions at once the second finds it decided."""
        proposal = await self._found(session, proposal_id, kinds, lock=True)
        kind = self._kinds[proposal.kind]
        if decider is not None and kind.scope not in decider.scopes:
            raise Forbidden(scope=kind.scope)
        if decider is not None and kind.check_decider is not None:
            kind.check_decider(proposal, decider.subject)
        if proposal.status != "open":
            raise ProposalDecided
        if await session.scalar(select(func.clock_timestamp() >= proposal.expires_at)):
            raise ProposalDecided
        return proposal

    async def _decide(self, session: AsyncSession, proposal: Proposal, status: Status, operator: Operator) -> Proposal:
        statement = (
            update(self._table)
            .where(self._table.c.proposal_id == proposal.proposal_id)
            .values(status=status, decided_by=operator.subject, decided_at=func.clock_timestamp())
            .returning(self._table)
        )
        return _proposal((await session.execute(statement)).one())

    async def _close(
        self, session: AsyncSession, proposal: Proposal, status: Status, operator: Operator, reason: str | None
    ) -> Proposal:
        decided = await self._decide(session, proposal, status, operator)
        await self._audit.record(
            session,
            subject=operator.subject,
            action=f"{decided.kind}.{'reject' if status == 'rejected' else 'withdraw'}",
            about=decided.subject,
            reason=reason or f"未说明原因 no reason given ({_origin(decided)}: {decided.reason})",
            before=_without_content(proposal),
            after=_with_content(decided),
        )
        return decided

    async def _expire(self, session: AsyncSession, *only: ColumnElement[bool]) -> None:
        table = self._table
        # Locked rows are left out: somebody is deciding them, and waiting here could become a deadlock.
        due = (
            select(table.c.proposal_id)
            .where(table.c.status == "open", table.c.expires_at <= func.clock_timestamp(), *only)
            .order_by(table.c.proposal_id)
            .limit(_EXPIRE_MAX)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(table)
            .where(table.c.proposal_id.in_(due.scalar_subquery()))
            .values(status="expired", decided_at=func.clock_timestamp())
            .returning(table)
        )
        for row in (await session.execute(statement)).all():
            expired = _proposal(row)
            await self._audit.record(
                session,
                subject=EXPIRY_SUBJECT,
                action=f"{expired.kind}.expire",
                about=expired.subject,
                reason=f"到期无人处理 no decision in time ({_origin(expired)}: {expired.reason})",
                before={"proposal": {**_entry(expired), "status": "open"}},
                after=_with_content(expired),
            )


def _proposal(row: Any) -> Proposal:
    return Proposal(**row._mapping)


def _origin(proposal: Proposal) -> str:
    return f"proposal {proposal.proposal_id} of {proposal.proposed_by}"


def _entry(proposal: Proposal) -> dict[str, Any]:
    return {"proposal_id": str(proposal.proposal_id), "status": proposal.status}


def _without_content(proposal: Proposal) -> dict[str, Any]:
    return {"proposal": _entry(proposal)}


def _with_content(proposal: Proposal) -> dict[str, Any]:
    return {"proposal": {**_entry(proposal), "content": dict(proposal.content)}}


async def _approvals_of_app(request: Request) -> Approvals:
    approvals: Approvals = request.app.state.approvals
    return approvals


RequestApprovals = Annotated[Approvals, Depends(_approvals_of_app)]
