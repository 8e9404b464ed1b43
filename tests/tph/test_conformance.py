"""The conformance kit passes correct verifiers, and for faulty ones fails exactly the cases of their fault."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import standardwebhooks

from deploy.tph import conformance, cp1_cases, webhook_cases
from deploy.tph.conformance import Unreachable
from deploy.tph.identity import Identity
from tests.tph.verifiers import (
    APP_KEY,
    CP1_SECRET,
    SECRET,
    Verify,
    by_the_package,
    cp1_verifier,
    rewritten,
    rewritten_in_order,
    serve,
    unquoted,
    webhook,
    without_query,
)

URL = "http://partner.test/hook?from=carbon"


async def failures(verify: Verify, kind: str = "webhook") -> set[str]:
    cases = (
        webhook_cases.cases("/hook?from=carbon", SECRET, datetime.now(UTC))
        if kind == "webhook"
        else cp1_cases.cases(Identity("http://x", APP_KEY, CP1_SECRET), "/hook?from=carbon", int(time.time()))
    )
    findings = await conformance.run_cases(URL, cases, transport=serve(verify))
    assert len(findings) == len({finding.case.code for finding in findings}) >= 19
    return {finding.case.code for finding in findings if not finding.passed}


@pytest.mark.parametrize("verify", [by_the_package, webhook()])
async def test_a_correct_receiver_passes(verify: Verify) -> None:
    assert await failures(verify) == set()


ALL_TO_REFUSE = {
    "WRONG_SECRET", "NO_SIGNATURE", "EMPTY_SIGNATURE", "TRUNCATED_SIGNATURE", "OTHER_VERSION", "ID_CHANGED",
    "REUSED_SIGNATURE", "BODY_CHANGED", "JSON_REORDERED", "BODY_APPENDED", "STALE", "FUTURE", "TIME_CHANGED", "NO_TIME",
}  # fmt: skip
BROKEN: list[tuple[str, dict[str, Any], set[str]]] = [
    ("parses and writes anew", {"body": rewritten_in_order}, {"VALID_RAW_BYTES", "BODY_APPENDED"}),
    ("strips white space", {"body": bytes.strip}, {"VALID_RAW_BYTES", "BODY_APPENDED"}),
    ("no window", {"window": lambda _: True}, {"STALE", "FUTURE"}),
    ("only the past", {"window": lambda age_s: age_s <= 300}, {"FUTURE"}),
    (
        "a prefix",
        {"equal": lambda ours, theirs: bool(theirs) and ours[: len(theirs)] == theirs},
        {"TRUNCATED_SIGNATURE"},
    ),
    ("an empty one", {"equal": lambda ours, theirs: not theirs or ours == theirs}, {"EMPTY_SIGNATURE"}),
    ("the first only", {"signatures": lambda found: found[:1]}, {"VALID_ROTATION", "VALID_UNKNOWN_VERSION"}),
    ("any version", {"versions": lambda _: True}, {"OTHER_VERSION"}),
    ("refuses retries", {"remember": True}, {"VALID_RETRY"}),
    ("unsigned passes", {"unsigned_passes": True}, {"NO_SIGNATURE"}),
    ("known ids pass", {"trust_known_ids": True}, {"REUSED_SIGNATURE"}),
]


@pytest.mark.parametrize(("change", "failed_cases"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
async def test_a_receiver_with_one_fault_fails_exactly_its_cases(
    change: dict[str, Any], failed_cases: set[str]
) -> None:
    assert await failures(webhook(**change)) == failed_cases


async def test_a_receiver_without_checks_fails_every_refusal() -> None:
    assert await failures(lambda _: True) == ALL_TO_REFUSE


async def test_a_crash_does_not_count_as_a_refusal() -> None:
    def crashing(request: httpx.Request) -> bool:
        return bool(request.headers["webhook-signature"]) and by_the_package(request)

    assert await failures(crashing) == {"NO_SIGNATURE"}


async def test_a_receiver_that_sorts_keys_refuses_valid_deliveries() -> None:
    """It verifies over sorted keys, so it refuses deliveries whose keys are in another order."""

    def verify(request: httpx.Request) -> bool:
        try:
            standardwebhooks.Webhook(SECRET).verify(rewritten(request.content), dict(request.headers), json_parse=False)
        except standardwebhooks.webhooks.WebhookVerificationError:
            return False
        return True

    assert {"VALID", "VALID_RAW_BYTES"} <= await failures(verify)


async def test_a_correct_cp1_verifier_passes() -> None:
    assert await failures(cp1_verifier(), "cp1") == set()


BROKEN_CP1: list[tuple[str, dict[str, Any], set[str]]] = [
    ("no query", {"parts": without_query}, {"VALID_QUERY", "VALID", "VALID_CLOCK", "VALID_RAW_BYTES",
                                            "VALID_EMPTY_BODY", "QUERY_CHANGED"}),
    ("query decoded", {"parts": unquoted}, {"VALID_QUERY"}),
    ("body written anew", {"parts": lambda g: {**g, "body": rewritten_in_order(g["body"])}},
     {"VALID_RAW_BYTES", "VALID_EMPTY_BODY"}),
    ("no window", {"window": lambda _: True}, {"STALE", "FUTURE"}),
    ("narrow window", {"window": lambda age_s: abs(age_s) < 60}, {"VALID_CLOCK"}),
    ("only the past", {"window": lambda age_s: age_s <= 300}, {"FUTURE"}),
    ("no nonces", {"nonces": False}, {"NONCE_REUSED"}),
    ("a prefix", {"equal": lambda o, t: bool(t) and o[: len(t)] == t}, {"TRUNCATED_SIGNATURE"}),
    ("an empty one", {"equal": lambda o, t: not t or o == t}, {"EMPTY_SIGNATURE"}),
    ("any algorithm", {"any_algorithm": True}, {"OTHER_ALGORITHM"}),
    ("any key", {"any_key": True}, {"UNKNOWN_APP_KEY"}),
    ("unsigned passes", {"unsigned_passes": True}, {"NO_SIGNATURE"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "failed_cases"), [case[1:] for case in BROKEN_CP1], ids=[case[0] for case in BROKEN_CP1]
)
async def test_a_cp1_verifier_with_one_fault_fails_its_cases(change: dict[str, Any], failed_cases: set[str]) -> None:
    failed = await failures(cp1_verifier(**change), "cp1")
    assert failed & failed_cases
    if len(failed_cases) <= 2:
        assert failed == failed_cases


async def test_a_cp1_verifier_without_checks_fails_every_refusal() -> None:
    assert await failures(lambda _: True, "cp1") == {
        "BODY_CHANGED", "JSON_REORDERED", "PATH_CHANGED", "QUERY_CHANGED", "METHOD_CHANGED", "NONCE_REUSED",
        "NONCE_CHANGED", "STALE", "FUTURE", "TIME_CHANGED", "WRONG_SIGNATURE", "TRUNCATED_SIGNATURE", "EMPTY_SIGNATURE",
        "NO_SIGNATURE", "OTHER_ALGORITHM", "UNKNOWN_APP_KEY",
    }  # fmt: skip


async def test_an_address_without_an_answer_raises_unreachable() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(Unreachable):
        await conformance.run_cases(
            URL, webhook_cases.cases("/", SECRET, datetime.now(UTC)), transport=httpx.MockTransport(refuse)
        )
