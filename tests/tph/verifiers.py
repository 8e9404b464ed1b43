"""Verifiers as partners might write them: correct ones, and ones with exactly one fault."""

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import httpx
import standardwebhooks

from shared.auth import cp1

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
APP_KEY, CP1_SECRET = "ak_test_kit", "cpsk_test_0123456789abcdef"

Verify = Callable[[httpx.Request], bool]


def serve(verify: Verify) -> httpx.MockTransport:
    """Answer 401 if the verifier refuses a request, and 500 if it raises."""

    def answer(request: httpx.Request) -> httpx.Response:
        try:
            return httpx.Response(204 if verify(request) else 401)
        except Exception:
            return httpx.Response(500)

    return httpx.MockTransport(answer)


def by_the_package(request: httpx.Request) -> bool:
    """The receiver of the specification's own package."""
    try:
        standardwebhooks.Webhook(SECRET).verify(request.content, dict(request.headers))
    except standardwebhooks.webhooks.WebhookVerificationError:
        return False
    return True


def webhook(
    *,
    body: Callable[[bytes], bytes] = lambda raw: raw,
    window: Callable[[float], bool] = lambda age_s: abs(age_s) <= 300,
    signed_id: Callable[[str], str] = lambda given: given,
    equal: Callable[[bytes, bytes], bool] = lambda ours, theirs: ours == theirs,
    signatures: Callable[[list[str]], list[str]] = lambda found: found,
    versions: Callable[[str], bool] = lambda version: version == "v1",
    remember: bool = False,
    time_of: Callable[[httpx.Request], str] = lambda request: request.headers.get("webhook-timestamp", ""),
    unsigned_passes: bool = False,
    trust_known_ids: bool = False,
) -> Verify:
    """A receiver written by hand. Each argument replaces one of its steps."""
    seen: set[str] = set()

    def verify(request: httpx.Request) -> bool:
        given = request.headers.get("webhook-id", "")
        header = request.headers.get("webhook-signature")
        if header is None:
            return unsigned_passes
        if trust_known_ids and given in seen:
            return True
        sent = request.headers.get("webhook-timestamp", "")
        if not sent.isdecimal() or not window(time.time() - int(sent)):
            return False
        message = f"{signed_id(given)}.{time_of(request)}.".encode() + body(request.content)
        ours = cp1.hmac_sha256(base64.b64decode(SECRET.removeprefix("whsec_")), message)
        for one in signatures(header.split(" ")):
            version, _, text = one.partition(",")
            if versions(version) and equal(ours, base64.b64decode(text)):
                if remember and given in seen:
                    return False
                seen.add(given)
                return True
        return False

    return verify


def rewritten(raw: bytes) -> bytes:
    """The JSON parsed and serialised with sorted keys, so that the sender's order is lost."""
    return json.dumps(json.loads(raw or b"null"), sort_keys=True, separators=(",", ":")).encode()


def rewritten_in_order(raw: bytes) -> bytes:
    return json.dumps(json.loads(raw or b"null"), separators=(",", ":")).encode()


_FIELD = re.compile(r'([a-z_]+)="([^"]*)"')


def cp1_verifier(
    *,
    parts: Callable[[dict[str, Any]], dict[str, Any]] = lambda given: given,
    window: Callable[[float], bool] = lambda age_s: abs(age_s) <= 300,
    nonces: bool = True,
    equal: Callable[[bytes, bytes], bool] = lambda ours, theirs: ours == theirs,
    any_algorithm: bool = False,
    any_key: bool = False,
    unsigned_passes: bool = False,
) -> Verify:
    """A CP1 verifier written by hand. `parts` may change the parts of the string to sign."""
    seen: set[str] = set()

    def verify(request: httpx.Request) -> bool:
        header = request.headers.get("authorization")
        if header is None:
            return unsigned_passes
        algorithm, _, rest = header.partition(" ")
        given = dict(_FIELD.findall(rest))
        if not any_algorithm and algorithm != cp1.HMAC_SHA256:
            return False
        if not any_key and given["app_key"] != APP_KEY:
            return False
        if not window(time.time() - int(given["timestamp"])):
            return False
        signed = parts(
            {
                "method": request.method,
                "target": request.url.raw_path.decode(),
                "timestamp": int(given["timestamp"]),
                "nonce": given["nonce"],
                "body": request.content,
            }
        )
        ours = cp1.hmac_sha256(CP1_SECRET.encode(), cp1.string_to_sign(**signed))
        if not equal(ours, base64.b64decode(given["signature"])):
            return False
        if nonces and given["nonce"] in seen:
            return False
        seen.add(given["nonce"])
        return True

    return verify


def without_query(given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "target": given["target"].partition("?")[0]}


def unquoted(given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "target": unquote_plus(given["target"])}
