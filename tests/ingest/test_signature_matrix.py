"""Invalid signatures of each of the four algorithms, over HTTP: each is refused and nothing is published."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.ingest.seed import seed
from services.ingest.settings import Settings
from shared import clock
from shared.auth import cp1
from shared.contracts import topics
from shared.eventlog import EventLog, TopicPartition
from tests.ingest.conftest import Reader, Settle
from tests.ingest.samples import BATCH, EVENTS, event, seed_partner
from tests.ingest.signing import SHORT, Pair, Signer, pair
from tests.tokens import TokenFactory

KEYS = "/api/v1/ingest/ops/partners/{partner}/keys/{app_key}/revoke"


def body_of(partner: str, event_id: str = "m-1") -> bytes:
    return json.dumps([event(event_id, partner=partner)]).encode()


def seeded_keys(name: str, algorithm: str) -> list[dict[str, Any]]:
    hour = timedelta(hours=1)
    own = pair(algorithm, name)
    times = seed_partner(
        f"{name}-times",
        keys=[
            own.seed(f"ak-{name}-later", not_before=(clock.now() + hour).isoformat()),
            own.seed(f"ak-{name}-ended", not_after=(clock.now() - hour).isoformat()),
            own.seed(f"ak-{name}-revoked"),
        ],
    )
    both = [own.seed(f"ak-{name}"), pair(algorithm, f"{name}-next").seed(f"ak-{name}-next")]
    return [seed_partner(name, keys=both), times]


@pytest.fixture(scope="module")
async def every_algorithm(seeded: Settings, api: httpx.AsyncClient, settle: Settle) -> None:
    partners = [one for algorithm, name in SHORT.items() for one in seeded_keys(name, algorithm)]
    await seed(seeded, json.dumps(partners).encode())

    async def known() -> bool:
        answer = await Signer(api, "ak-ed", pair(cp1.ED25519, "ed")).post(b"[]")
        return answer.status_code == 202

    await settle(known)


@pytest.fixture(params=list(SHORT), ids=list(SHORT.values()))
async def signer(request: pytest.FixtureRequest, api: httpx.AsyncClient, every_algorithm: None) -> Signer:
    name = SHORT[request.param]
    return Signer(api, f"ak-{name}", pair(request.param, name))


@pytest.fixture
async def nothing_published(log: EventLog) -> AsyncIterator[None]:
    """Fail a test that published a record to any partition."""
    parts = [TopicPartition(topics.ACTIVITIES, number) for number in range(topics.PARTITIONS[topics.ACTIVITIES])]
    before = await log.end_offsets(parts)
    yield
    assert await log.end_offsets(parts) == before


def name_of(signer: Signer) -> str:
    return signer.app_key.removeprefix("ak-")


def code_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@pytest.mark.usefixtures("nothing_published")
async def test_a_request_that_differs_from_the_signed_one_is_refused(signer: Signer) -> None:
    body = body_of(name_of(signer))
    stranger = pair(signer.pair.algorithm, "stranger").private
    reserialised = json.dumps(json.loads(body), separators=(",", ":")).encode()
    for wrong in (
        {"private": stranger},
        {"signed": body.replace(b"2360", b"2361")},
        {"signed": body + b"\n"},
        {"signed": reserialised},
        {"target": EVENTS + "/"},
        {"target": EVENTS + "?dry_run=false"},
        {"method": "PUT"},
    ):
        assert code_of(await signer.post(body, **wrong)) == (401, "SIGNATURE_INVALID"), wrong
    query = EVENTS + "?dry_run=false"
    header = signer.header(body)
    answer = await signer.http.post(query, content=body, headers={"Content-Type": BATCH, "Authorization": header})
    assert code_of(answer) == (401, "SIGNATURE_INVALID")


@pytest.mark.usefixtures("nothing_published")
async def test_values_that_are_not_signatures_are_refused(signer: Signer) -> None:
    body = body_of(name_of(signer))
    unsigned = await signer.http.post(EVENTS, content=body, headers={"Content-Type": BATCH})
    assert code_of(unsigned) == (401, "SIGNATURE_MISSING")
    good = signer.header(body)
    for other in set(cp1.ALGORITHMS) - {signer.pair.algorithm}:
        swapped = good.replace(signer.pair.algorithm, other)
        assert code_of(await signer.post(body, authorization=swapped)) == (401, "SIGNATURE_ALGORITHM_MISMATCH")
    for empty in ("", "AAAA", "A" * 88):
        head, _, _ = good.partition('signature="')
        answer = await signer.post(body, authorization=f'{head}signature="{empty}"')
        assert code_of(answer) == (401, "SIGNATURE_INVALID")


async def test_the_timestamp_window_is_exactly_five_minutes(
    signer: Signer, published: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    instant = clock.now().replace(microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: instant)
    body, at = body_of(name_of(signer)), int(instant.timestamp())
    for offset_s in (-301, 301):
        answer = await signer.post(body, timestamp=at + offset_s)
        assert code_of(answer) == (401, "TIMESTAMP_OUT_OF_WINDOW")
    assert await published.new_records() == []
    for offset_s in (-300, 300):
        assert (await signer.post(body, timestamp=at + offset_s)).status_code == 202


async def test_concurrent_replays_are_refused(signer: Signer, published: Reader) -> None:
    body = body_of(name_of(signer))
    header = signer.header(body)
    answers = await asyncio.gather(*(signer.post(body, authorization=header) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409, 409]
    assert code_of(await signer.post(body, authorization=header)) == (409, "SIGNATURE_REPLAYED")
    assert len(await published.new_records()) == 1


async def test_a_key_is_refused_outside_its_interval(
    signer: Signer, published: Reader, tokens: TokenFactory, settle: Settle
) -> None:
    name = f"{name_of(signer)}-times"
    body = body_of(name)

    def with_key(kind: str) -> Signer:
        return Signer(signer.http, f"ak-{name_of(signer)}-{kind}", signer.pair)

    assert code_of(await with_key("later").post(body)) == (401, "KEY_NOT_YET_VALID")
    assert code_of(await with_key("ended").post(body)) == (401, "KEY_EXPIRED")
    revoked = with_key("revoked")
    assert (await revoked.post(body)).status_code == 202
    done = await signer.http.post(
        KEYS.format(partner=name, app_key=revoked.app_key),
        json={"reason": "演练 drill"},
        headers=tokens.operator("ops:partners"),
    )
    assert done.status_code == 200, done.text

    async def refused() -> bool:
        return (await revoked.post(body)).status_code == 401

    await settle(refused)
    assert code_of(await revoked.post(body)) == (401, "KEY_REVOKED")


async def test_during_a_rotation_both_keys_are_accepted(signer: Signer, published: Reader) -> None:
    name = name_of(signer)
    successor = Signer(signer.http, f"{signer.app_key}-next", pair(signer.pair.algorithm, f"{name}-next"))
    for number, each in enumerate((signer, successor)):
        assert (await each.post(body_of(name, f"r-{number}"))).status_code == 202
    assert len(await published.new_records()) == 2
    crossed = Signer(signer.http, successor.app_key, Pair(signer.pair.algorithm, signer.pair.private, ""))
    assert code_of(await crossed.post(body_of(name))) == (401, "SIGNATURE_INVALID")


async def test_c16_the_scheme_of_every_algorithm_may_be_written_in_any_case(signer: Signer) -> None:
    for change in (str.lower, str.title):
        body = body_of(name_of(signer), f"c16-{signer.app_key}-{change.__name__}")
        scheme, _, parameters = signer.header(body).partition(" ")
        answer = await signer.post(body, authorization=f"{change(scheme)} {parameters}")
        assert answer.status_code == 202, answer.text
        again = await signer.post(body, authorization=f"{scheme} {parameters}")
        assert code_of(again) == (409, "SIGNATURE_REPLAYED")  # it is the same signature, however it is written
