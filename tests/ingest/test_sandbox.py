"""The sandbox judges at once, by account number, and sends real webhooks."""

import json
from typing import Any

import pytest

from services.ingest import event_types
from tests.ingest.conftest import Reader, Settle
from tests.ingest.operators import OperatorClient, accepted_by
from tests.ingest.receivers import Receiver, call, register
from tests.ingest.samples import EVENTS, PartnerClient, event, receipt, revision, status
from tests.ingest.signing import Signer

CASES = {
    "SANDBOX-CREDITED": ("credited", "CREDITED", 170_000),
    "SANDBOX-CAPPED": ("credited", "PARTLY_CAPPED", 50_000),
    "SANDBOX-PARKED": ("parked", "NO_BINDING", 0),
    "SANDBOX-REFUSED": ("refused", "IMPLAUSIBLE_SPEED", 0),
    "SANDBOX-REVERSED": ("reversed", "REVOKED", 0),
    "WH0000000017": ("parked", "NO_BINDING", 0),
}


class SignedCalls:
    """Requests with a key that an operator has issued."""

    def __init__(self, signer: Signer) -> None:
        self._client, self._secret = PartnerClient(signer.http, signer.app_key), signer.pair.private

    async def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        content = json.dumps(body).encode() if body is not None else b""
        headers = {"Content-Type": "application/json"} if content else {}
        target = f"/api/v1/ingest{path}"
        answer = await self._client.send(method, target, content, headers=headers, secret=self._secret)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def push(self, events: list[Any]) -> Any:
        return await self._client.push(*events, secret=self._secret)


def ride(event_id: str, number: str, **data: Any) -> Any:
    return event(event_id, partner="box", account_ref={"type": "account_no", "value": number}, **data)


def cancelled(event_id: str, original: str) -> Any:
    return revision(event_id, event_types.CANCELLED, original, partner="box")


@pytest.mark.parametrize("number", CASES)
async def test_d14_each_account_number_has_its_verdict(
    box: PartnerClient, published: Reader, number: str, fresh: None
) -> None:
    answer = await box.push(ride(f"d14-{number}", number))
    found = (await status(box, f"d14-{number}")).json()
    assert (found["status"], found["reason_code"], found["amount_mg"]) == CASES[number]
    whole = await receipt(box, answer["receipt_id"])
    assert (whole["settled"], whole["accepted"], whole["rejected"]) == (True, 1, 0)
    assert await published.new_records() == []  # nothing reaches the ledger


async def test_d14_verdicts_arrive_as_real_webhooks(
    box: PartnerClient, worker: Any, receiver: Receiver, settle: Settle
) -> None:
    secret = (await register(box, receiver.url))["secret"]
    await box.push(ride("hook-1", "SANDBOX-REVERSED"), ride("hook-2", "SANDBOX-REFUSED"))

    async def three() -> bool:
        return len(receiver.results(secret)) == 3

    await settle(three)
    seen = sorted((one["id"], one["sequence"], one["status"]) for one in receiver.results(secret))
    assert seen == [("hook-1", 1, "credited"), ("hook-1", 2, "reversed"), ("hook-2", 1, "refused")]
    feed = await call(box, "GET", "/api/v1/ingest/outcomes")
    assert [one["status"] for one in feed["items"]] == ["credited", "reversed", "refused"]


async def test_d14_copies_corrections_and_cancellations_behave_as_live(box: PartnerClient, fresh: None) -> None:
    first = ride("again-1", "SANDBOX-CREDITED", trip_id="t-again-1")
    await box.push(first)
    copy = await box.push(first)
    other = await box.push(ride("again-1", "SANDBOX-CREDITED", trip_id="t-again-1", distance=4000))
    for answer, expected in ((copy, "duplicate"), (other, "conflict")):
        assert (await receipt(box, answer["receipt_id"]))["results"][0]["status"] == expected
    assert (await status(box, "again-1")).json()["status"] == "credited"
    await box.push(cancelled("again-2", "again-1"))
    assert (await status(box, "again-1")).json()["reason_code"] == "CANCELLED"
    await box.push(cancelled("again-3", "never-sent"))
    assert (await status(box, "again-3")).json()["reason_code"] == "ORIGINAL_UNKNOWN"


async def test_d14_rejected_events_are_in_the_receipt(box: PartnerClient, fresh: None) -> None:
    answer = await box.push(ride("good", "SANDBOX-CREDITED"), 5)
    whole = await receipt(box, answer["receipt_id"])
    assert [one["status"] for one in whole["results"]] == ["credited", "rejected"]
    assert whole["settled"] is True


async def test_d14_a_dry_run_is_not_judged(box: PartnerClient, fresh: None) -> None:
    await box.push(ride("dry", "SANDBOX-CREDITED"), target=f"{EVENTS}?dry_run=true")
    assert (await status(box, "dry")).status_code == 404


async def test_d14_a_flood_of_sandbox_events_is_told_to_wait(box: PartnerClient, fresh: None) -> None:
    codes = []
    for n in range(4):
        body = json.dumps([ride(f"flood-{n}-{k}", "SANDBOX-CREDITED", trip_id=f"{n}-{k}") for k in range(400)])
        answer = await box.post(body.encode())
        codes.append(answer.status_code)
    assert codes[-1] == 429, codes


async def test_d14_the_sandbox_key_of_a_live_partner_is_judged_apart_from_its_live_data(
    operators: OperatorClient, settle: Settle, published: Reader, worker: Any, receiver: Receiver, fresh: None
) -> None:
    """One event id, a live account, a registered webhook: neither environment shows a verdict of the other."""
    await operators.partner("doubled")
    live, trial = await operators.signer("doubled"), await operators.signer("doubled", environment="sandbox")
    await settle(accepted_by(live, "doubled"))
    await settle(accepted_by(trial, "doubled"))
    await published.new_records()

    of_live, of_trial = SignedCalls(live), SignedCalls(trial)
    await of_live.call("PUT", "/webhook", {"url": receiver.url})
    pushed = await of_trial.push(
        [
            event("doubled-1", partner="doubled", account_ref={"type": "account_no", "value": "SANDBOX-CREDITED"}),
            event("doubled-2", partner="doubled", account_ref={"type": "account_no", "value": "WH0000000017"}),
        ]
    )
    verdicts = {one["id"]: one["status"] for one in (await of_trial.call("GET", "/outcomes"))["items"]}
    assert {name: verdicts[name] for name in ("doubled-1", "doubled-2")} == {
        "doubled-1": "credited",
        "doubled-2": "parked",
    }
    assert (await of_trial.call("GET", "/events/doubled-1"))["amount_mg"] == 170_000
    assert (await of_trial.call("GET", f"/receipts/{pushed['receipt_id']}"))["settled"] is True
    assert await published.new_records() == []
    # Nothing of it in the live data.
    assert (await of_live.call("GET", "/outcomes"))["items"] == []
    await of_live.call("GET", "/events/doubled-1", expect=404)
    await of_live.call("GET", f"/receipts/{pushed['receipt_id']}", expect=404)
    assert receiver.received == []
    # Nothing of the live data in the sandbox, and no id is taken.
    receipt_of_live = (await of_live.push([event("doubled-1", partner="doubled")]))["receipt_id"]
    assert len(await published.new_records()) == 1
    await of_trial.call("GET", f"/receipts/{receipt_of_live}", expect=404)
    assert (await of_trial.call("GET", "/events/doubled-1"))["amount_mg"] == 170_000
