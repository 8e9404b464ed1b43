"""Verdicts of accounting as records, and the worker's part of recognition, for tests."""

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import msgspec

from services.rewards.memberships import service as memberships
from services.rewards.participants import service as participants
from services.rewards.rankings.domain import code_of, nodes_of
from services.rewards.recognition import decoders
from services.rewards.recognition import service as recognition
from services.rewards.refreshing import service as refreshing
from shared import clock
from shared.contracts.consents_v1 import ConsentChanged
from shared.contracts.enterprises_v1 import (
    EnterpriseChanged,
    EnterpriseFact,
    EnterpriseMemberChanged,
    EnterpriseStatus,
)
from shared.contracts.households_v1 import MembershipChanged
from shared.contracts.identity import enterprise_account_id, person_account_id
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.eventlog import StoredRecord
from shared.outbox import records_in
from tests.rewards.conftest import API, Rewards

ZONE: Final = "Asia/Shanghai"
RIDE_MG: Final = 170_000


def today() -> date:
    return clock.local_date(clock.now(), ZONE)


def noon(day: date) -> datetime:
    """Noon in Asia/Shanghai."""
    return datetime.combine(day, time(4), UTC)


def judged(
    account_id: uuid.UUID | None,
    *,
    activity_id: uuid.UUID | None = None,
    status: str = "credited",
    amount_mg: int = RIDE_MG,
    scene: str | None = "metro",
    day: date | None = None,
    sequence: int = 1,
    has_time: bool = True,
) -> ActivityJudged:
    """A verdict as accounting publishes it. One without an account has neither amount nor time."""
    counts = account_id is not None
    return ActivityJudged(
        activity_id=activity_id or uuid.uuid4(),
        partner_id="metro",
        event_id="e",
        receipt_id=uuid.uuid4(),
        index=0,
        status=status,  # type: ignore[arg-type]  # a wrong one fails while decoding
        amount_mg=amount_mg if counts else 0,
        account_id=account_id,
        scene=scene if counts else None,
        occurred_at=noon(day or today()) if counts and has_time else None,
        judged_at=clock.now(),
        sequence=sequence,
    )


def reversal(verdict: ActivityJudged, *, sequence: int | None = None) -> ActivityJudged:
    """The verdict that takes an act back, as accounting publishes it: without account, scene and time."""
    return judged(
        None,
        activity_id=verdict.activity_id,
        status="reversed",
        sequence=sequence or verdict.sequence + 1,
    )


def rides(account_id: uuid.UUID, days: Sequence[date], **more: Any) -> list[ActivityJudged]:
    return [judged(account_id, day=day, **more) for day in days]


def days_before(last: date, count: int) -> list[date]:
    """So many days in a row, the last one included."""
    return [last - timedelta(days=back) for back in range(count)]


def account_of(user_id: uuid.UUID) -> uuid.UUID:
    return person_account_id(user_id)


async def consume(rewards: Rewards, verdicts: Sequence[ActivityJudged]) -> None:
    """Project one poll of verdicts, as they look on the log."""
    at = clock.now()
    items = []
    for offset, one in enumerate(verdicts):
        value = msgspec.json.encode(one)
        record = StoredRecord("accounting.outcomes.v1", 0, offset, b"k", value, (), at)
        items.append((record, msgspec.json.decode(value, type=ActivityJudged)))
    async with rewards.database.transaction() as session:
        await recognition.handle_outcomes(session, items, time_zone=ZONE)


async def refresh(rewards: Rewards) -> None:
    """Run the worker's job until nothing is due."""
    await refreshing.refresh_all_due(rewards.database, time_zone=ZONE)


async def earn(rewards: Rewards, verdicts: Sequence[ActivityJudged]) -> None:
    await consume(rewards, verdicts)
    await refresh(rewards)


def consent(
    user_id: uuid.UUID, *, version: int = 1, ends_at: datetime | None = None, purpose: str = "rankings"
) -> ConsentChanged:
    at = clock.now()
    return ConsentChanged(
        account_id=account_of(user_id),
        purpose=purpose,
        version=version,
        policy_version="2026-11",
        given_at=at - timedelta(days=1),
        ends_at=ends_at,
        changed_at=at,
    )


async def give_consents(rewards: Rewards, *changes: ConsentChanged) -> None:
    """Project one poll of consents."""
    record = StoredRecord("accounts.consents.v1", 0, 0, b"k", b"", (), clock.now())
    async with rewards.database.transaction() as session:
        await participants.handle_consents(session, [(record, one) for one in changes])


async def join(rewards: Rewards, user_id: uuid.UUID, *, district: str | None = None) -> int:
    """Consent and take part under the first pseudonym offered. Return its number."""
    await give_consents(rewards, consent(user_id))
    choices = (await rewards.get("/me/rankings/choices", user_id)).json()
    number: int = choices["pseudonyms"][0]["pseudonym_id"]
    answer = await rewards.client.put(
        f"{API}/me/rankings/participation",
        json={"pseudonym_id": number, "district": district},
        headers=rewards.tokens.citizen(user_id),
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "taking_part"
    return number


async def board(rewards: Rewards, user_id: uuid.UUID, **query: str) -> list[tuple[int, int, bool]]:
    """Return (rank, milligrams, whether it is mine) of the first page."""
    answer = await rewards.get("/rankings", user_id, **query)
    assert answer.status_code == 200, answer.text
    return [(one["rank"], one["amount_mg"], one["is_mine"]) for one in answer.json()["items"]]


async def my_rank(rewards: Rewards, user_id: uuid.UUID, **query: str) -> tuple[int | None, int, int]:
    """Return (rank, milligrams, members)."""
    answer = await rewards.get("/me/rank", user_id, **query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return body["rank"], body["amount_mg"], body["board"]["members"]


_SUMS = {
    "earned_day": "account_id, day, scene, acts, amount_mg",
    "earned_scene": "account_id, scene, acts, days, amount_mg",
    "earned_total": "account_id, acts, amount_mg, active_days::text",
}


async def sums(rewards: Rewards) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the live sums."""
    found = {}
    for table, columns in _SUMS.items():
        live = "coalesce((SELECT live FROM rewards.recognition_state), 0)"
        rows = await rewards.sql(f"SELECT {columns} FROM rewards.{table} WHERE generation = {live} ORDER BY {columns}")
        found[table] = [tuple(row) for row in rows]
    return found


async def places(rewards: Rewards) -> list[tuple[Any, ...]]:
    """Return the places of all live boards, and check the classes and the sizes of the boards against them."""
    rows = await rewards.sql(
        "SELECT b.kind, b.subject, b.period, b.starts_on, s.member, s.score_mg, s.code, s.alias, b.board_id, b.members"
        " FROM rewards.standing s JOIN rewards.board b USING (board_id) WHERE b.is_live ORDER BY 1, 2, 3, 4, 5"
    )
    counted = Counter((row["board_id"], node) for row in rows for node in nodes_of(row["code"]))
    classes = await rewards.sql(
        "SELECT c.board_id, c.node, c.scores FROM rewards.board_class c JOIN rewards.board b USING (board_id)"
        " WHERE b.is_live AND c.scores > 0"
    )
    assert {(row[0], row[1]): row[2] for row in classes} == counted
    assert all(row["code"] == code_of(row["score_mg"]) for row in rows)
    sizes = Counter(row["board_id"] for row in rows)
    assert all(row["members"] == sizes[row["board_id"]] for row in rows)
    return [tuple(row)[:8] for row in rows]


async def live_in(rewards: Rewards, household_id: uuid.UUID, *people: uuid.UUID) -> list[MembershipChanged]:
    """Let people move into a household. Return their stays."""
    stays = [
        MembershipChanged(
            membership_id=uuid.uuid4(),
            version=1,
            household_id=household_id,
            account_id=account_of(one),
            joined_at=clock.now(),
            changed_at=clock.now(),
        )
        for one in people
    ]
    await move(rewards, *stays)
    return stays


async def move(rewards: Rewards, *stays: MembershipChanged) -> None:
    record = StoredRecord("accounts.households.v1", 0, 0, b"k", b"", (), clock.now())
    async with rewards.database.transaction() as session:
        await memberships.handle_households(session, [(record, one) for one in stays])


def left(stay: MembershipChanged) -> MembershipChanged:
    return msgspec.structs.replace(stay, version=stay.version + 1, left_at=clock.now())


async def tell_enterprises(rewards: Rewards, *facts: EnterpriseFact) -> None:
    record = StoredRecord("accounts.enterprises.v1", 0, 0, b"k", b"", (), clock.now())
    async with rewards.database.transaction() as session:
        await memberships.handle_enterprises(session, [(record, one) for one in facts])


def enterprise(enterprise_id: uuid.UUID, *, version: int = 1, status: EnterpriseStatus = "active") -> EnterpriseChanged:
    return EnterpriseChanged(
        enterprise_id=enterprise_id,
        version=version,
        status=status,
        kinds=("sponsor",),
        account_id=enterprise_account_id(enterprise_id),
        approved_at=clock.now(),
        changed_at=clock.now(),
    )


def employee(enterprise_id: uuid.UUID, user_id: uuid.UUID) -> EnterpriseMemberChanged:
    return EnterpriseMemberChanged(
        membership_id=uuid.uuid4(),
        version=1,
        enterprise_id=enterprise_id,
        account_id=account_of(user_id),
        roles=("viewer",),
        since=clock.now(),
        changed_at=clock.now(),
    )


async def consume_donations(rewards: Rewards) -> None:
    """Project the donations that the outbox holds, as the log would bring them."""
    rows = await rewards.sql("SELECT records FROM rewards.outbox WHERE topic = 'rewards.events.v1' ORDER BY id")
    values = [record.value or b"" for row in rows for record in records_in(row["records"])]
    record = StoredRecord("rewards.events.v1", 0, 0, b"k", b"", (), clock.now())
    async with rewards.database.transaction() as session:
        items = [(record, decoders.REWARDS.decode(value)) for value in values]
        await recognition.handle_rewards(session, items, time_zone=ZONE)
