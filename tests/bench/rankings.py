"""Rankings with a million citizens: a page and my rank against raw indexed reads, and how fresh places are at 1,000/s.

SQL makes the citizens, two acts of each, their sums and places. Some ranks are compared with counting one by one.
BENCH_CITIZENS=100000 makes fewer. A real worker consumes the verdicts of the second part from the embedded log.
BENCH_REBUILD=1 rebuilds everything first and takes the time.
"""

import asyncio
import hashlib
import os
import random
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
import msgspec
from sqlalchemy import text

from services.rewards.rankings import service as rankings
from services.rewards.rankings.domain import BoardKey, Period, span_of
from services.rewards.refreshing.rebuilding import Rebuild
from shared import clock
from shared.contracts import topics
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.db import Database
from shared.eventlog import EventLog, Record, open_event_log
from tests.bench.figures import Figure, compared
from tests.bench.lab import ROOT, Lab
from tests.bench.progress import Progress
from tests.databases import Dsns
from tests.tokens import SERVICE_KEYS

PART: Final = "rankings"
CITIZENS: Final = int(os.environ.get("BENCH_CITIZENS", "1000000"))
REBUILD: Final = bool(os.environ.get("BENCH_REBUILD"))
ROUNDS: Final = 5
_CHECKED: Final = 20
READS: Final = 400  # of each kind in a round
RATE: Final = 1_000  # outcomes a second
SECONDS: Final = 30
FRESH_S: Final = 5.0
STEPS: Final = 2 * ROUNDS + 2
ZONE: Final = "Asia/Shanghai"
_KEY_OF_32_BYTES: Final = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_NOWHERE: Final = "http://127.0.0.1:9"
LIMIT: Final = 21

_PEOPLE = """
WITH people AS (SELECT n, md5('c' || n)::uuid AS account_id FROM generate_series(1, $1::int) n), consents AS (
    INSERT INTO rewards.ranking_consent (account_id, version, given_at)
    SELECT account_id, 1, now() - interval '1 day' FROM people)
INSERT INTO rewards.ranking_participant (account_id, pseudonym, district)
SELECT account_id, n % 10000 + 10000 * (n / 10000 % 32) + 2000000 * (n / 320000),
    (ARRAY['420102','420103','420104','420105','420106','420107','420111','420112'])[1 + n % 8] FROM people"""
# Amounts as they are: most people near the middle, a long tail.
_ACTS = """
INSERT INTO rewards.recognised_act (activity_id, sequence, account_id, scene, amount_mg, day, day_sequence)
SELECT md5('a' || n || s)::uuid, 1, md5('c' || n)::uuid, s,
    1000 * (1 + floor(exp(random() * 3 + random() * 3 + 2)))::bigint + floor(random() * 1000)::bigint, $2, 1
FROM generate_series(1, $1::int) n, unnest(ARRAY['metro', 'bus']) s"""
_SUMS = (
    """
INSERT INTO rewards.earned_day (generation, account_id, day, scene, acts, amount_mg)
SELECT 0, account_id, day, scene, 1, amount_mg FROM rewards.recognised_act""",
    """
INSERT INTO rewards.earned_scene (generation, account_id, scene, acts, days, amount_mg)
SELECT 0, account_id, scene, 1, 1, amount_mg FROM rewards.recognised_act""",
    """
INSERT INTO rewards.earned_total (generation, account_id, acts, amount_mg, active_days)
SELECT 0, account_id, 2, sum(amount_mg), range_agg(daterange(day, day + 1)) FROM rewards.recognised_act
GROUP BY account_id""",
)
_BOARDS = """
INSERT INTO rewards.board (generation, is_live, kind, subject, period, starts_on, members)
SELECT 0, true, k.kind, k.subject, v.period, v.starts_on, k.members
FROM unnest($1::text[], $2::date[]) v(period, starts_on), (
    SELECT 'city' AS kind, '' AS subject, count(*) AS members FROM rewards.ranking_participant
    UNION ALL SELECT 'district', district, count(*) FROM rewards.ranking_participant GROUP BY 2) k"""
_PLACES = """
INSERT INTO rewards.standing (member, board_id, score_mg, code, alias)
SELECT p.account_id, b.board_id, t.amount_mg, (s.shift + 1) << 12 | (t.amount_mg >> s.shift & 4095)::int, p.pseudonym
FROM rewards.ranking_participant p JOIN rewards.earned_total t USING (account_id)
JOIN rewards.board b ON b.subject IN ('', p.district),
LATERAL (SELECT length(ltrim(t.amount_mg::bit(64)::text, '0')) - 13 AS shift) s"""
_CLASSES = """
INSERT INTO rewards.board_class (board_id, node, scores) SELECT board_id, node, count(*)
FROM rewards.standing, unnest(ARRAY[code >> 12, 64 + (code >> 6), 4160 + code]) node GROUP BY 1, 2"""
_COUNTED = text("SELECT 1 + count(*) FROM rewards.standing WHERE board_id = :board_id AND score_mg > :score_mg")
_RAW_PAGE = text(
    "SELECT member, score_mg, alias FROM rewards.standing WHERE board_id = :board_id AND score_mg <= :score_mg"
    " ORDER BY board_id DESC, score_mg DESC, alias DESC, member DESC LIMIT :limit"
)
_RAW_ROW = text(
    "SELECT score_mg, alias FROM rewards.standing WHERE member = CAST(:member AS uuid) AND board_id = :board_id"
)


def _account(number: int) -> uuid.UUID:
    """The account of a citizen, as _PEOPLE makes it."""
    return uuid.UUID(hashlib.md5(f"c{number}".encode(), usedforsecurity=False).hexdigest())


async def measure(lab: Lab, progress: Progress) -> tuple[list[Figure], dict[str, Any]]:
    dsns = lab.database("bench_rankings", ("rewards",))
    progress.say(f"{CITIZENS:,} citizens")
    await _fill(dsns)
    progress.step()
    database = Database(dsns.app("rewards"), pool_size=4, command_timeout_s=60)
    try:
        figures = await _rebuild(dsns, database) if REBUILD else []
        progress.step()
        figures += await _reads(database, progress, "")
        progress.say(f"{RATE:,} outcomes a second")
        figures.append(await _freshness(lab, dsns, database))
        figures += await _reads(database, progress, f" after {RATE * SECONDS:,} changes")
    finally:
        await database.stop()
    return figures, {"ranked_citizens": CITIZENS}


async def _rebuild(dsns: Dsns, database: Database) -> list[Figure]:
    started = time.perf_counter()
    await Rebuild(database, None, topics.OUTCOMES, ZONE, lambda _stage, _report: None).run()
    taken_s = time.perf_counter() - started
    await _run(dsns, "VACUUM ANALYZE")
    names = f"{CITIZENS:,} 位市民的排行重建", f"rebuild of the rankings of {CITIZENS:,} citizens"
    return [Figure(PART, *names, value=taken_s, unit="s")]


async def _run(dsns: Dsns, statement: str, *args: Any) -> None:
    connection = await asyncpg.connect(dsns.admin)
    try:
        await connection.execute(statement, *args)
    finally:
        await connection.close()


async def _fill(dsns: Dsns) -> None:
    await _run(dsns, _PEOPLE, CITIZENS)
    today = clock.local_date(clock.now(), ZONE)
    await _run(dsns, _ACTS, CITIZENS, today)
    for statement in _SUMS:
        await _run(dsns, statement)
    spans = [span_of(period, today) for period in Period]
    await _run(dsns, _BOARDS, [span.period.value for span in spans], [span.starts_on for span in spans])
    await _run(dsns, _PLACES)
    await _run(dsns, _CLASSES)
    await _run(dsns, "VACUUM ANALYZE")


# --- a page and my rank --------------------------------------------------------------------------------------------


def _city(period: Period) -> BoardKey:
    span = span_of(period, clock.local_date(clock.now(), ZONE))
    return BoardKey("city", "", period.value, span.starts_on)


async def _reads(database: Database, progress: Progress, when: str) -> list[Figure]:
    """Each read, ours and the raw one of the same row or page, in turns."""
    board = _city(Period.WEEK)
    find = text("SELECT board_id FROM rewards.board WHERE is_live AND kind = 'city' AND period = 'week'")
    board_id = await database.scalar_once(find)
    await _check_ranks(database, board, board_id)
    taken: dict[str, list[float]] = {"raw page": [], "page": [], "raw row": [], "rank": []}
    for number in range(ROUNDS):
        progress.say(f"reads{when}, {number + 1}/{ROUNDS}")
        members = [_account(random.randint(1, CITIZENS)) for _ in range(READS)]
        places = [(await database.read_once(_RAW_ROW, {"member": m, "board_id": board_id}))[0] for m in members]
        asked = [
            {"board_id": board_id, "score_mg": row.score_mg, "alias": row.alias, "member": member, "limit": LIMIT}
            for member, row in zip(members, places, strict=True)
        ]
        afters = [(row["score_mg"], row["alias"], row["member"]) for row in asked]

        async def raw_page(n: int, asked: list[dict[str, Any]] = asked) -> object:
            return await database.read_once(_RAW_PAGE, asked[n])

        async def page(n: int, afters: list[tuple[int, int, uuid.UUID]] = afters) -> object:
            return await rankings.read_page(database, board=board, after=afters[n], limit=LIMIT)

        async def raw_row(n: int, asked: list[dict[str, Any]] = asked) -> object:
            return await database.read_once(_RAW_ROW, asked[n])

        async def rank(n: int, members: list[uuid.UUID] = members) -> object:
            return await rankings.read_rank(database, board=board, members=[members[n]])

        found = await _in_turns({"raw page": raw_page, "page": page, "raw row": raw_row, "rank": rank})
        for name, value in found.items():
            taken[name].append(value)
        progress.step()
    pairs = (("page", "raw page", f"排行榜一页{'（更新之后）' if when else ''}", f"a page of a ranking{when}"),
             ("rank", "raw row", f"我的名次{'（更新之后）' if when else ''}", f"my rank{when}"))  # fmt: skip
    return [
        compared(
            PART, (zh, f"{en}, {CITIZENS:,} citizens"), taken[ours], taken[raw], unit="us",
            limit_name=f"{raw} by its index", target=2.0, at_most=True,
        )
        for ours, raw, zh, en in pairs
    ]  # fmt: skip


async def _check_ranks(database: Database, board: BoardKey, board_id: int) -> None:
    for _ in range(_CHECKED):
        member = _account(random.randint(1, CITIZENS))
        found = await rankings.read_rank(database, board=board, members=[member])
        counted = (await database.read_once(_COUNTED, {"board_id": board_id, "score_mg": found.score_mg}))[0][0]
        if found.rank != counted:
            raise RuntimeError(f"rank {found.rank} is {counted} by counting")


async def _in_turns(reads: dict[str, Callable[[int], Awaitable[object]]]) -> dict[str, float]:
    """Return the median time of each kind of read, in microseconds."""
    samples: dict[str, list[float]] = {name: [] for name in reads}
    for number in range(READS):
        # Each kind comes first equally often: the first one pays for pages that are not in memory.
        turn = number % len(reads)
        order = [*reads.items()][turn:] + [*reads.items()][:turn]
        for name, read in order:
            started = time.perf_counter()
            await read(number)
            samples[name].append((time.perf_counter() - started) * 1e6)
    return {name: statistics.median(values) for name, values in samples.items()}


# --- freshness -----------------------------------------------------------------------------------------------------


async def _freshness(lab: Lab, dsns: Dsns, database: Database) -> Figure:
    """Publish verdicts at a fixed rate. Return the longest time from the publication of an act to its place."""
    log = open_event_log(dsns.event_log, client_id="bench")
    await log.start()
    await log.ensure_topic(topics.OUTCOMES, partitions=topics.PARTITIONS[topics.OUTCOMES])
    worker = _start_worker(lab, dsns)
    ages: list[float] = []
    try:
        await _publish(log, [_judged(_account(1), 1)])
        await _wait_ready(database)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for second in range(SECONDS):
                due = started + second
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                people = [_account(random.randint(1, CITIZENS)) for _ in range(RATE)]
                probe = people[-1]
                before = await _score(database, probe)
                await _publish(log, [_judged(one, 170_000) for one in people])
                group.create_task(_watch(database, probe, before, time.perf_counter(), ages))
    finally:
        worker.terminate()
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        await log.stop()
    names = f"每秒 {RATE:,} 条结果时名次更新", f"freshness of a place at {RATE:,} outcomes/s, slowest of {SECONDS}"
    return compared(
        PART, names, [max(ages)], [FRESH_S], unit="s", limit_name="5 s", target=1.0, at_most=True,
        note=f"median {statistics.median(ages):.2f} s",
    )  # fmt: skip


def _judged(account_id: uuid.UUID, amount_mg: int) -> Record:
    at = clock.now()
    outcome = ActivityJudged(
        activity_id=uuid.uuid4(), partner_id="bench", event_id="e", receipt_id=uuid.uuid4(), index=0,
        status="credited", amount_mg=amount_mg, account_id=account_id, scene="bike", occurred_at=at, judged_at=at,
    )  # fmt: skip
    return Record(key=f"bench:{account_id}".encode(), value=msgspec.json.encode(outcome))


async def _publish(log: EventLog, records: list[Record]) -> None:
    await log.publish(topics.OUTCOMES, records, timeout_s=30)


async def _score(database: Database, member: uuid.UUID) -> int:
    return (await rankings.read_rank(database, board=_city(Period.WEEK), members=[member])).score_mg


async def _watch(database: Database, member: uuid.UUID, before: int, since: float, ages: list[float]) -> None:
    while await _score(database, member) == before:
        if time.perf_counter() - since > 60:
            raise RuntimeError("a place was not refreshed within a minute")
        await asyncio.sleep(0.05)
    ages.append(time.perf_counter() - since)


async def _wait_ready(database: Database) -> None:
    deadline = time.monotonic() + 60
    done = text("SELECT count(*) FROM rewards.recognised_act WHERE scene = 'bike'")
    while not await database.scalar_once(done):
        if time.monotonic() > deadline:
            raise RuntimeError("the worker consumed nothing")
        await asyncio.sleep(0.1)


def _start_worker(lab: Lab, dsns: Dsns) -> "subprocess.Popen[bytes]":
    values = {
        "DATABASE_URL": dsns.app("rewards"),
        "EVENT_LOG_URL": dsns.event_log,
        "JWKS_URL": f"{_NOWHERE}/jwks",
        "SERVICE_KEY": SERVICE_KEYS["rewards"],
        "ACCOUNTING_BASE_URL": _NOWHERE,
        "VOUCHER_KEY": _KEY_OF_32_BYTES,
        "LOG_LEVEL": "ERROR",
    }
    with (lab.directory / "rewards-worker.log").open("wb") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "services.rewards.worker"],
            cwd=ROOT,
            env={**os.environ, **{f"REWARDS_{name}": value for name, value in values.items()}},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
