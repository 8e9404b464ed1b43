"""What-if runs of a draft over past acts: gains and losses, and no change of the ledger."""

from datetime import timedelta
from typing import Any

import asyncpg
import msgspec

from services.accounting.what_if import service as what_if
from tests.accounting.operators import Operators, bus_km, today
from tests.accounting.reports import YESTERDAY, Reports
from tests.databases import Dsns

LEDGER = ("posting", "ledger_account", "cap_usage", "activity", "hold", "correction", "intake_tally", "outbox")
PEOPLE, RIDES = 1_000, 50


async def digest(dsns: Dsns) -> dict[str, str | None]:
    """Return a hash per table of all rows that balances and verdicts depend on."""
    connection = await asyncpg.connect(dsns.admin)
    try:
        rows = "string_agg(md5(t::text), '' ORDER BY md5(t::text))"
        return {t: await connection.fetchval(f"SELECT md5({rows}) FROM accounting.{t} t") for t in LEDGER}
    finally:
        await connection.close()


async def tick(operators: Operators) -> bool:
    """Run the worker's job once."""
    async with operators.accounting.database.transaction() as session:
        return await what_if.advance_oldest_run(session, time_zone="Asia/Shanghai")


def period(**body: Any) -> dict[str, Any]:
    first = (today() - timedelta(days=3)).isoformat()
    return {"from": first, "to": today().isoformat(), "reason": "发布前试算", **body}


async def test_a_run_reports_gains_and_losses_and_writes_nothing_to_the_ledger(
    ready: Operators, accounting_dsns: Dsns
) -> None:
    accounting = ready.accounting
    far, near, taps = [await accounting.citizen() for _ in range(3)]
    noon = YESTERDAY + timedelta(hours=12)
    rides: list[tuple[Reports, list[int | None]]] = [
        (far, [10_000, 10_000, 10_000]),  # the third is over the cap by either version
        (near, [2_000]),
        (taps, [None]),  # a tap without a distance earns nothing by the new version
    ]
    for person, distances in rides:
        for number, distance_m in enumerate(distances):
            act = person.bus(noon + timedelta(hours=number)).act
            assert act is not None
            await accounting.post(person.report(msgspec.structs.replace(act, distance_m=distance_m)))
        await accounting.post(person.metro(noon - timedelta(hours=3)))  # the draft does not apply to it
    before = await digest(accounting_dsns)
    draft = await ready.draft(bus_km())
    answer = await ready.call("POST", "/methodologies:what-if", period(draft_id=draft["draft_id"]))
    assert answer.status_code == 202, answer.text
    path = f"/what-if-runs/{answer.json()['run_id']}"
    waiting = await ready.ok("GET", path)
    assert (waiting["status"], waiting["progress_percent"], waiting["spread"]) == ("running", 0, None)
    while await tick(ready):
        pass
    run = await ready.ok("GET", path)
    assert (run["status"], run["progress_percent"]) == ("finished", 100)
    assert run["totals"] == {
        "people": 3,
        "acts": 5,
        "credited_before": 4,
        "credited_after": 3,
        "before_mg": 600_000,
        "after_mg": 935_000,
        "change_mg": 335_000,
    }
    assert run["spread"] == {
        "gainers": 1,
        "losers": 2,
        "unchanged": 0,
        "gained_mg": 550_000,
        "lost_mg": 215_000,
        "change_mg": {
            "min": -150_000,
            "p10": -150_000,
            "p25": -150_000,
            "p50": -65_000,
            "p75": 550_000,
            "p90": 550_000,
            "max": 550_000,
        },
    }
    assert await digest(accounting_dsns) == before


_PAST_ACTS = """
INSERT INTO accounting.activity (activity_id, fingerprint, partner_id, event_id, receipt_id, receipt_index, account_id,
    status, reason_code, scene, occurred_at, received_at, amount_mg, act, judgement, raw_sha256)
SELECT encode(set_byte(set_byte(hash, 6, get_byte(hash, 6) & 15 | 128), 8, get_byte(hash, 8) & 63 | 128), 'hex')::uuid,
    '\\x00', 'city-transit', person || '-' || ride, gen_random_uuid(), 0,
    md5(person::text)::uuid, 'refused', 'NO_METHODOLOGY', NULL, $1::timestamptz + make_interval(mins => ride * 10),
    $1::timestamptz + interval '1 day', 0,
    jsonb_build_object('kind', 'transit', 'vehicle_type', 'bus', 'city_code', '420100', 'distance_m', 1000,
        'started_at', to_char($1::timestamptz + make_interval(mins => ride * 10), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
    jsonb_build_object('evidence_tier', 'partner_signed'), '\\x00'
FROM generate_series(1, $2::int) AS person, generate_series(1, $3::int) AS ride, LATERAL (
    SELECT substring(sha256(convert_to('carbon-inclusion/event/v1', 'UTF8') || '\\x00'::bytea
        || convert_to('city-transit', 'UTF8') || '\\x00'::bytea || convert_to(person || '-' || ride, 'UTF8')) FOR 16)
) AS id (hash)
"""


async def test_a_run_over_fifty_thousand_acts_advances_in_steps(ready: Operators, accounting_dsns: Dsns) -> None:
    connection = await asyncpg.connect(accounting_dsns.admin, server_settings={"timezone": "UTC"})
    try:
        await connection.execute(_PAST_ACTS, YESTERDAY, PEOPLE, RIDES)
        await connection.execute("ANALYZE accounting.activity")
    finally:
        await connection.close()
    before = await digest(accounting_dsns)
    answer = await ready.call("POST", "/methodologies:what-if", period(yaml=bus_km()))
    path = f"/what-if-runs/{answer.json()['run_id']}"
    seen = []
    while await tick(ready):
        seen.append((await ready.ok("GET", path))["progress_percent"])
    assert seen == sorted(seen)
    assert len(set(seen)) > 8, seen
    run = await ready.ok("GET", path)
    assert (run["status"], run["totals"]["acts"], run["totals"]["people"]) == ("finished", PEOPLE * RIDES, PEOPLE)
    # Two rides of a kilometre a day for each: 50 rides of ten minutes lie on one day.
    assert run["totals"]["after_mg"] == PEOPLE * 2 * 42_500
    assert (run["spread"]["gainers"], run["spread"]["losers"]) == (PEOPLE, 0)
    assert await digest(accounting_dsns) == before
    assert (await ready.accounting.check())["ok"]


async def test_a_run_with_a_bad_period_draft_or_scope_is_refused(ready: Operators) -> None:
    path = "/methodologies:what-if"
    later = (today() + timedelta(days=1)).isoformat()
    for wrong in ({"to": later}, {"from": "2020-01-01"}, {"from": later}):
        refusal = await ready.refused("POST", path, period(yaml=bus_km(), **wrong))
        assert refusal == (422, "PERIOD_INVALID")
    assert await ready.refused("POST", path, period()) == (422, "INVALID_REQUEST")
    broken = period(yaml=bus_km(formula="distance"))
    assert await ready.refused("POST", path, broken) == (422, "DOCUMENT_INVALID")
    nothing = "00000000-0000-7000-8000-000000000000"
    assert await ready.refused("POST", path, period(draft_id=nothing)) == (404, "DRAFT_NOT_FOUND")
    assert await ready.refused("GET", f"/what-if-runs/{nothing}") == (404, "RUN_NOT_FOUND")
    assert await ready.refused("POST", path, period(yaml=bus_km()), scope="ops:read") == (403, "FORBIDDEN")
    for _ in range(what_if.RUNNING_MAX):
        assert (await ready.call("POST", path, period(yaml=bus_km()))).status_code == 202
    assert await ready.refused("POST", path, period(yaml=bus_km())) == (409, "TOO_MANY_RUNS")
    while await tick(ready):
        pass
    empty = await ready.ok("GET", "/audit?limit=1", scope="ops:read")
    run = await ready.ok("GET", f"/what-if-runs/{empty['items'][0]['after']['run_id']}")
    assert run["spread"]["change_mg"]["p50"] is None
