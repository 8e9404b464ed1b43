"""People of a city and their events. SQL inserts accounts and bindings, Python makes events by the same formulas.

Person n has the account id `md5('p' || n)`. Partner q knows the person by the key `md5('k' || q || n)`.
"""

import hashlib
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec

from shared import clock
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.identity import event_key
from shared.eventlog import Record

PARTNERS = ("metro", "t3")
_CITY = "420100"
_DAYS = 9
_LATE_WINDOW_S = 366 * 86_400
_REPEATED_PERCENT = 2
_PEOPLE = """
INSERT INTO accounting.ledger_account (account_id, kind)
SELECT md5('p' || n)::uuid, 'person' FROM generate_series($1::int, $2::int) AS n
ORDER BY 1
"""
_BINDINGS = """
INSERT INTO accounting.binding (binding_id, version, partner_id, account_key, account_id, status, counts_from)
SELECT md5('b' || p || n)::uuid, 1, p, md5('k' || p || n), md5('p' || n)::uuid, 'active', now() - interval '500 days'
FROM generate_series($1::int, $2::int) AS n, unnest($3::text[]) AS p
ORDER BY 3, 4
"""
_PAST = """
INSERT INTO accounting.activity (activity_id, fingerprint, partner_id, event_id, receipt_id, receipt_index, account_id,
    status, reason_code, scene, occurred_at, ended_at, received_at, amount_mg, methodology_code, methodology_version,
    judgement, act, raw_sha256, recorded_at)
SELECT md5('a' || n)::uuid, t.fingerprint, t.partner_id, 'past-' || n, t.receipt_id, t.receipt_index,
    md5('p' || (1 + n % $3))::uuid, t.status, t.reason_code, t.scene,
    now() - interval '20 days' - n % 300 * interval '1 day' - n % 1000 * interval '1 minute',
    now() - interval '20 days' - n % 300 * interval '1 day' - n % 1000 * interval '1 minute' + interval '20 minutes',
    now() - interval '20 days', t.amount_mg, t.methodology_code, t.methodology_version, t.judgement, t.act,
    t.raw_sha256, now() - interval '20 days'
FROM generate_series($1::int, $2::int) AS n,
    (SELECT * FROM accounting.activity WHERE status = 'credited' AND act->>'vehicle_type' = 'bus' LIMIT 1) t
"""


async def make_people(dsn: str, first: int, last: int) -> None:
    """Insert accounts and bindings of the people `first` to `last`."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_PEOPLE, first, last)
        await connection.execute(_BINDINGS, first, last, list(PARTNERS))
        await connection.execute("ANALYZE accounting.ledger_account, accounting.binding")
    finally:
        await connection.close()


async def make_past(dsn: str, first: int, last: int, people: int) -> None:
    """Insert past activities `first` to `last`, spread over everyone. A credited bus ride must exist as the pattern."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_PAST, first, last, people)
    finally:
        await connection.close()


def account_of(person: int) -> uuid.UUID:
    return uuid.UUID(hashlib.md5(f"p{person}".encode()).hexdigest())


def key_of(partner: str, person: int) -> str:
    return hashlib.md5(f"k{partner}{person}".encode()).hexdigest()


def _act(chance: random.Random, partner: str, start: datetime) -> Act:
    minutes = chance.randint(5, 45)
    end = start + timedelta(minutes=minutes)
    if partner == "metro":
        return Act(
            kind="transit",
            started_at=start,
            ended_at=end,
            city_code=_CITY,
            vehicle_type=chance.choice(("bus", "metro")),
            duration_s=minutes * 60,
            natural_key=f"{chance.getrandbits(128):032x}",
        )
    bicycle = chance.random() < 0.5
    return Act(
        kind="trip",
        started_at=start,
        ended_at=end,
        city_code=_CITY,
        vehicle_type="bicycle" if bicycle else "car",
        propulsion_type="human" if bicycle else "electric",
        trip_type="shared",
        distance_m=minutes * (200 if bicycle else 400),
        duration_s=minutes * 60,
        natural_key=f"{chance.getrandbits(128):032x}",
    )


def _person(chance: random.Random, people: int, hot: bool) -> int:
    """Pick a person. A few report far more often than the others; `hot` always picks person 1."""
    return 1 if hot else 1 + int(people * chance.random() ** 2)


def make_reports(seed: int, count: int, people: int, *, hot: bool = False) -> list[ActivityReported]:
    """Return mixed rides of nine days, 2 % of them reported twice. `hot`: all of one person."""
    chance = random.Random(seed)
    # The last nine days, so that daily and monthly caps apply.
    now = clock.now().replace(microsecond=0)
    made: list[ActivityReported] = []
    for number in range(count):
        if made and chance.randrange(100) < _REPEATED_PERCENT:
            again = chance.choice(made[-500:])
            receipt_id = uuid.UUID(int=chance.getrandbits(128), version=4)
            made.append(msgspec.structs.replace(again, receipt_id=receipt_id))
            continue
        person = _person(chance, people, hot)
        partner = chance.choice(PARTNERS)
        start = now - timedelta(seconds=chance.randrange(3600, _DAYS * 86_400))
        event_id = f"{seed}-{number}"
        act = _act(chance, partner, start.astimezone(UTC))
        digest = hashlib.sha256(event_id.encode()).hexdigest()
        made.append(
            ActivityReported(
                event_key=event_key(partner, event_id),
                partner_id=partner,
                event_id=event_id,
                receipt_id=uuid.UUID(int=chance.getrandbits(128), version=4),
                index=number % 100,
                account_key=key_of(partner, person),
                act=act,
                fingerprint=digest,
                raw_sha256=digest,
                received_at=now,
                late_window_s=_LATE_WINDOW_S,
                receipt_accepted=100,
            )
        )
    return made


_HEADERS = (
    ("ce_specversion", b"1.0"),
    ("ce_source", b"https://metro.example/events"),
    ("ce_type", b"cn.carboninclusion.activity.reported.v1"),
    ("ce_time", b"2026-11-24T08:00:00+00:00"),
    ("content-type", b"application/json"),
)


def make_records(made: Sequence[ActivityReported]) -> list[Record]:
    """Encode reports as ingest publishes them."""
    encode = msgspec.json.Encoder().encode
    return [
        Record(
            key=f"{one.partner_id}:{one.account_key}".encode(),
            value=encode(one),
            headers=(("ce_id", one.event_id.encode()), *_HEADERS),
        )
        for one in made
    ]
