"""Two-person approval with a toy kind: lamps that two operators light together."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import pytest
import sqlalchemy.exc
from sqlalchemy import Column, Table, Text, Uuid, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from shared import sentences
from shared.approvals import EXPIRY_SUBJECT, Approvals, add_approval_table
from shared.approvals_kinds import (
    Change,
    Kind,
    NotTheProposer,
    Proposal,
    ProposalDecided,
    ProposalNotFound,
    ProposalOpen,
    SecondPersonNeeded,
    is_same_person,
    spell_text,
    spell_uuid,
)
from shared.audit import AuditLog, add_audit_table
from shared.auth.tokens import Operator
from shared.db import Database, metadata_for
from shared.errors import Conflict, Forbidden
from tests.databases import Dsns, empty_tables, in_own_loop, make_database

SCHEMA = "toy"
LAMP = "ABCDEF01-2345-6789-abcd-ef0123456789"
WHY = "it is dark"
SCOPE = "ops:lamps"

metadata = metadata_for(SCHEMA)
approval = add_approval_table(metadata)
audit_log = add_audit_table(metadata)
lit = Table("lit", metadata, Column("lamp", Uuid, nullable=False), Column("by", Text, nullable=False))


class LampBroken(Conflict):
    code = "LAMP_BROKEN"
    says = sentences.CONFLICT


class Lamps:
    """The room that registers the kind. Acts fail for lamps in `broken`, proposals for lamps in `gone`."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.gone: set[str] = set()

    async def preview(self, session: AsyncSession, subject: str, _content: Mapping[str, Any]) -> Change:
        if subject in self.gone:
            raise LampBroken
        lights = await session.scalar(select(func.count()).select_from(lit).where(lit.c.lamp == uuid.UUID(subject)))
        return Change({"lights": lights}, {"lights": (lights or 0) + 1})

    async def act(self, session: AsyncSession, proposal: Proposal) -> None:
        by = f"{proposal.proposed_by}+{proposal.decided_by}"
        await session.execute(insert(lit).values(lamp=uuid.UUID(proposal.subject), by=by))
        if proposal.subject in self.broken:
            raise LampBroken


def operator(subject: str, *scopes: str) -> Operator:
    return Operator(subject, frozenset(scopes or (SCOPE,)))


class Desk:
    """Every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database, self.lamps = database, Lamps()
        light = Kind(name="light", scope=SCOPE, preview=self.lamps.preview, act=self.lamps.act, spell=spell_uuid)
        name = Kind(name="name", scope=SCOPE, preview=self._preview_name, act=self._keep_name)
        self.approvals = Approvals(approval, audit=AuditLog(audit_log), kinds=[light, name])

    @staticmethod
    async def _preview_name(_session: AsyncSession, _subject: str, _content: Mapping[str, Any]) -> Change:
        return Change({}, {})

    @staticmethod
    async def _keep_name(_session: AsyncSession, _proposal: Proposal) -> None:
        return

    async def propose(self, subject: str = LAMP, *, by: str = "ann", kind: str = "light", **content: Any) -> Proposal:
        async with self.database.transaction() as session:
            return await self.approvals.propose(
                session, kind=kind, subject=subject, reason=WHY, operator=operator(by), content=content
            )

    async def decide(self, step: str, proposal: Proposal, by: Operator, reason: str | None = None) -> Proposal:
        async with self.database.transaction() as session:
            method = getattr(self.approvals, step)
            done: Proposal = await method(
                session, proposal_id=proposal.proposal_id, kinds=("light",), operator=by, reason=reason
            )
            return done

    async def make_overdue(self, proposal: Proposal) -> None:
        async with self.database.transaction() as session:
            chosen = approval.c.proposal_id == proposal.proposal_id
            await session.execute(update(approval).where(chosen).values(expires_at=func.now() - text("interval '1 s'")))

    async def expire(self) -> None:
        async with self.database.transaction() as session:
            await self.approvals.expire(session)

    async def status(self, proposal: Proposal) -> str:
        async with self.database.transaction() as session:
            found = await self.approvals.get(session, proposal_id=proposal.proposal_id, kinds=("light",))
        return found.status

    async def lights(self) -> list[str]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(lit.c.by)))

    async def trail(self) -> list[Any]:
        """Audit entries, the oldest first."""
        async with self.database.transaction() as session:
            return list((await session.execute(select(audit_log).order_by(audit_log.c.entry_id))).all())


@pytest.fixture(scope="session")
def toy_dsns(postgres_admin_dsn: str) -> Dsns:
    dsns = make_database(postgres_admin_dsn, "test_approvals", [])

    async def create() -> None:
        engine = create_async_engine(dsns.admin.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.begin() as connection:
            await connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
            await connection.run_sync(metadata.create_all)
        await engine.dispose()

    in_own_loop(create)
    return dsns


@pytest.fixture
async def desk(toy_dsns: Dsns) -> AsyncIterator[Desk]:
    await empty_tables(toy_dsns, SCHEMA)
    database = Database(toy_dsns.admin)
    yield Desk(database)
    await database.stop()


async def test_an_approved_act_is_done_once_and_both_steps_are_audited(desk: Desk) -> None:
    proposal = await desk.propose(colour="red")
    assert (proposal.subject, proposal.status, await desk.lights()) == (LAMP.lower(), "open", [])
    decided = await desk.decide("approve", proposal, operator("bob"), "checked")
    assert (decided.status, decided.decided_by, await desk.lights()) == ("approved", "bob", ["ann+bob"])
    proposed, approved = await desk.trail()
    named = {"proposal_id": str(proposal.proposal_id)}
    content = {"colour": "red"}
    assert (proposed.subject, proposed.action, proposed.object, proposed.reason) == (
        "ann", "light.propose", LAMP.lower(), WHY,
    )  # fmt: skip
    assert proposed.before == {"lights": 0}
    assert proposed.after == {"lights": 0, "proposal": {**named, "status": "open", "content": content}}
    assert (approved.subject, approved.action, approved.reason) == ("bob", "light.approve", "checked")
    assert approved.before == {"lights": 0, "proposal": {**named, "status": "open"}}
    assert approved.after == {"lights": 1, "proposal": {**named, "status": "approved", "content": content}}
    for step in ("approve", "reject", "withdraw", "reject_or_withdraw"):
        with pytest.raises(ProposalDecided):
            await desk.decide(step, proposal, operator("cai"))


async def test_a_decision_without_a_reason_names_the_proposal_in_the_audit_log(desk: Desk) -> None:
    proposal = await desk.propose()
    await desk.decide("approve", proposal, operator("bob"))
    assert (await desk.trail())[-1].reason == f"{WHY} (proposal {proposal.proposal_id} of ann)"


async def test_two_approvals_at_once_do_the_act_once(desk: Desk) -> None:
    proposal = await desk.propose()
    attempts = [desk.decide("approve", proposal, operator(f"operator-{n}")) for n in range(6)]
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(answer, Proposal) for answer in answers) == 1
    assert sum(isinstance(answer, ProposalDecided) for answer in answers) == 5
    assert len(await desk.lights()) == 1
    assert [entry.action for entry in await desk.trail()] == ["light.propose", "light.approve"]


async def test_an_act_that_fails_leaves_the_proposal_open_and_no_trace(desk: Desk) -> None:
    proposal = await desk.propose()
    desk.lamps.broken.add(proposal.subject)
    with pytest.raises(LampBroken):
        await desk.decide("approve", proposal, operator("bob"))
    assert (await desk.status(proposal), await desk.lights(), len(await desk.trail())) == ("open", [], 1)
    desk.lamps.broken.clear()
    await desk.decide("approve", proposal, operator("bob"))
    assert await desk.lights() == ["ann+bob"]


async def test_an_impossible_act_is_refused_when_proposed_and_again_when_approved(desk: Desk) -> None:
    desk.lamps.gone.add(LAMP.lower())
    with pytest.raises(LampBroken):
        await desk.propose()
    desk.lamps.gone.clear()
    proposal = await desk.propose()
    desk.lamps.gone.add(proposal.subject)
    with pytest.raises(LampBroken):
        await desk.decide("approve", proposal, operator("bob"))
    assert (await desk.status(proposal), await desk.lights()) == ("open", [])
    # A proposal that can no longer be done can still be rejected.
    assert (await desk.decide("reject", proposal, operator("bob"))).status == "rejected"


@pytest.mark.parametrize("same", ["ann", "Ann", " ann ", "ANN\t", "ａｎｎ", "a\u200bnn", "ann\u034f", "a nn\ufeff"])
async def test_b11_the_proposer_in_another_spelling_cannot_approve(desk: Desk, same: str) -> None:
    proposal = await desk.propose()
    for step in ("approve", "reject"):
        with pytest.raises(SecondPersonNeeded):
            await desk.decide(step, proposal, operator(same))
    assert (await desk.status(proposal), await desk.lights()) == ("open", [])


@pytest.mark.parametrize("same", ["ann", "Ann", " ann ", "ａｎｎ"])
async def test_the_database_refuses_the_proposer_as_second_person(desk: Desk, same: str) -> None:
    await desk.propose()
    decided = update(approval).values(status="approved", decided_by=same, decided_at=func.now())
    with pytest.raises(sqlalchemy.exc.IntegrityError, match="ck_approval_two_people"):
        async with desk.database.transaction() as session:
            await session.execute(decided)


@pytest.mark.parametrize("other", [LAMP.lower(), LAMP.upper(), f" {LAMP} ", LAMP.replace("-", "")])
async def test_two_spellings_of_one_subject_cannot_both_be_open(desk: Desk, other: str) -> None:
    first = await desk.propose()
    with pytest.raises(ProposalOpen):
        await desk.propose(other, by="bob")
    await desk.propose("WH-APP-BUS  v2", kind="name")
    with pytest.raises(ProposalOpen):
        await desk.propose(" WH-APP-BUS\u3000v2", kind="name", by="bob")
    await desk.decide("reject", first, operator("bob"))
    assert (await desk.propose(other)).subject == first.subject


async def test_proposals_of_one_subject_at_once_leave_one_open(desk: Desk) -> None:
    answers = await asyncio.gather(
        *(desk.propose(LAMP.upper() if n % 2 else LAMP.lower(), by=f"operator-{n}") for n in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Proposal) for answer in answers) == 1
    assert sum(isinstance(answer, ProposalOpen) for answer in answers) == 5


async def test_only_the_proposer_withdraws_and_it_is_audited(desk: Desk) -> None:
    proposal = await desk.propose()
    with pytest.raises(NotTheProposer):
        await desk.decide("withdraw", proposal, operator("bob"))
    assert (await desk.decide("withdraw", proposal, operator("Ann", "ops:read"), "a mistake")).status == "withdrawn"
    entry = (await desk.trail())[-1]
    assert (entry.action, entry.subject, entry.reason) == ("light.withdraw", "Ann", "a mistake")
    assert (entry.before["proposal"]["status"], entry.after["proposal"]["status"]) == ("open", "withdrawn")


@pytest.mark.parametrize(
    ("by", "status", "action"), [("ann", "withdrawn", "light.withdraw"), ("bob", "rejected", "light.reject")]
)
async def test_one_route_withdraws_for_the_proposer_and_rejects_for_others(
    desk: Desk, by: str, status: str, action: str
) -> None:
    proposal = await desk.propose()
    assert (await desk.decide("reject_or_withdraw", proposal, operator(by))).status == status
    entry = (await desk.trail())[-1]
    assert (entry.action, entry.subject) == (action, by)
    assert "no reason given" in entry.reason
    assert await desk.lights() == []


async def test_only_the_kinds_scope_decides(desk: Desk) -> None:
    proposal = await desk.propose()
    for step in ("approve", "reject", "reject_or_withdraw"):
        with pytest.raises(Forbidden):
            await desk.decide(step, proposal, operator("bob", "ops:read"))
    assert await desk.status(proposal) == "open"


async def test_a_route_of_other_kinds_does_not_find_the_proposal(desk: Desk) -> None:
    proposal = await desk.propose("front door", kind="name")
    with pytest.raises(ProposalNotFound):
        await desk.decide("approve", proposal, operator("bob"))


async def test_an_overdue_proposal_is_refused_then_expired_by_the_job(desk: Desk) -> None:
    overdue, other = await desk.propose(), await desk.propose(str(uuid.uuid4()))
    await desk.make_overdue(overdue)
    with pytest.raises(ProposalDecided):
        await desk.decide("approve", overdue, operator("bob"))
    await desk.expire()
    await desk.expire()
    assert (await desk.status(overdue), await desk.status(other), await desk.lights()) == ("expired", "open", [])
    entry = (await desk.trail())[-1]
    assert (entry.action, entry.subject, entry.object) == ("light.expire", EXPIRY_SUBJECT, overdue.subject)
    assert (entry.before["proposal"]["status"], entry.after["proposal"]["status"]) == ("open", "expired")
    assert [entry.action for entry in await desk.trail()].count("light.expire") == 1


async def test_an_overdue_proposal_does_not_block_a_new_one(desk: Desk) -> None:
    overdue = await desk.propose()
    await desk.make_overdue(overdue)
    again = await desk.propose(by="bob")
    assert (await desk.status(overdue), await desk.status(again)) == ("expired", "open")
    assert [entry.action for entry in await desk.trail()] == ["light.propose", "light.expire", "light.propose"]


async def test_a_proposal_lives_14_days(desk: Desk) -> None:
    proposal = await desk.propose()
    assert (proposal.expires_at - proposal.proposed_at).days == 14


async def test_the_database_holds_one_open_row_per_subject(desk: Desk, toy_dsns: Dsns) -> None:
    await desk.propose()
    connection = await asyncpg.connect(toy_dsns.admin)
    try:
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(
                "INSERT INTO toy.approval (proposal_id, kind, subject, content, reason, proposed_by, expires_at)"
                " SELECT gen_random_uuid(), kind, subject, content, reason, 'bob', expires_at FROM toy.approval"
            )
    finally:
        await connection.close()


def test_two_kinds_of_one_name_are_a_mistake_at_start(desk: Desk) -> None:
    kind = Kind(name="light", scope=SCOPE, preview=desk.lamps.preview, act=desk.lamps.act)
    with pytest.raises(ValueError, match="light"):
        Approvals(approval, audit=AuditLog(audit_log), kinds=[kind, kind])


def test_spellings() -> None:
    assert spell_uuid(f" {LAMP} ") == LAMP.lower()
    assert spell_text(" WH-APP-BUS \t v2\n") == "WH-APP-BUS v2"
    assert is_same_person("Ann  Li", " ann li")
    assert not is_same_person("ann", "anna")
