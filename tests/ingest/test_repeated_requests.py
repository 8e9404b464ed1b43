"""The same request twice: what a proxy or a client that lost an answer is told."""

import json

import httpx

from tests.ingest.samples import BATCH, EVENTS, ONE, PartnerClient, event
from tests.ingest.test_signatures import _authorization


async def _send_again(partner: PartnerClient, body: bytes, media_type: str, times: int = 2) -> list[httpx.Response]:
    """The same bytes under the same signature, as a proxy sends them."""
    headers = {"Content-Type": media_type, **_authorization(partner, {"signed": body})}
    return [await partner.http.post(EVENTS, content=body, headers=headers) for _ in range(times)]


async def test_d16_an_identical_resend_is_told_the_receipt_of_the_first(bike: PartnerClient) -> None:
    body = json.dumps([event("again-1")]).encode()
    first, second, third = await _send_again(bike, body, BATCH, 3)
    assert first.status_code == 202
    receipt_id = first.json()["receipt_id"]
    for again in (second, third):
        problem = again.json()
        assert (again.status_code, problem["code"], problem["receipt_id"]) == (409, "SIGNATURE_REPLAYED", receipt_id)
        assert receipt_id in problem["detail"]


async def test_d16_a_refused_single_event_sent_again_is_told_its_receipt(bike: PartnerClient) -> None:
    first, again = await _send_again(bike, json.dumps(event("again-2", distance=1.5)).encode(), ONE)
    assert (first.status_code, again.status_code) == (422, 409)
    assert again.json()["receipt_id"] == first.json()["receipt_id"]


async def test_d16_another_request_with_a_used_nonce_is_told_no_receipt(bike: PartnerClient) -> None:
    nonce = "n" * 32
    assert (await bike.post(json.dumps([event("again-3")]).encode(), nonce=nonce)).status_code == 202
    other = await bike.post(json.dumps([event("again-4")]).encode(), nonce=nonce)
    assert (other.status_code, other.json()["code"]) == (409, "SIGNATURE_REPLAYED")
    assert "receipt_id" not in other.json()


async def test_d16_what_wrote_nothing_has_no_receipt(bike: PartnerClient, box: PartnerClient) -> None:
    target = EVENTS + "?dry_run=true"
    body = json.dumps([event("again-5")]).encode()
    headers = {"Content-Type": BATCH, **_authorization(bike, {"signed": body, "target": target})}
    answers = [await bike.http.post(target, content=body, headers=headers) for _ in range(2)]
    answers += await _send_again(box, json.dumps([event("again-6", partner="box")]).encode(), BATCH)
    assert [answer.status_code for answer in answers] == [202, 409, 202, 409]
    assert "receipt_id" not in answers[1].json()
    assert "receipt_id" not in answers[3].json()
