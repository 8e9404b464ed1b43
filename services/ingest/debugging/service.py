"""Explains why the signature of a sandbox key does not match. The answer never helps to sign a request."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from services.ingest.debugging.domain import (
    Attempt,
    Difference,
    attempt_of,
    first_difference,
    header_faults,
    usual_mistakes,
)
from services.ingest.debugging.errors import SandboxKeysOnly
from services.ingest.limits.service import Limits
from services.ingest.partners.errors import UnknownAppKey
from services.ingest.partners.service import Key, SignatureChecks, SlowCheckQueue
from shared import clock
from shared.auth import cp1


@dataclass(frozen=True, slots=True)
class Diagnosis:
    app_key: str
    algorithm: str
    ours: bytes
    is_valid: bool
    difference: Difference | None
    causes: list[str]


async def explain_signature(
    checks: SignatureChecks,
    limits: Limits,
    *,
    method: str,
    target: str,
    body: bytes,
    authorization: str,
    yours: bytes | None,
) -> Diagnosis:
    """`yours` is the string the partner signed, if it was sent.

    Raises UnknownAppKey, SandboxKeysOnly, RequestRateExceeded, SignatureChecksBusy, KeyChecksBusy.
    """
    attempt = attempt_of(method, target, body, authorization)
    key = checks.registry.key(attempt.fields.get("app_key", ""))
    if key is None:
        raise UnknownAppKey
    if key.environment != "sandbox" or key.legacy is not None:
        raise SandboxKeysOnly
    limits.admit_debugging(key.app_key)
    ours = attempt.message()
    now_s = int(clock.now().timestamp())
    causes = list(header_faults(attempt, algorithm=key.algorithm, now_s=now_s, window_s=cp1.WINDOW_S))
    is_matching = await _matches(checks.slow_queue, key, attempt, ours)
    difference = first_difference(ours, yours) if yours is not None else None
    if not is_matching:
        mistake = await _mistake(checks.slow_queue, key, attempt, yours)
        if mistake is not None and mistake not in causes:
            causes.append(mistake)
        if yours == ours:
            causes.append("KEY_OR_SIGNING")
        elif not causes and difference is None:
            causes.append("UNKNOWN")
    return Diagnosis(key.app_key, key.algorithm, ours, is_matching and not causes, difference, causes)


async def _mistake(slow_queue: SlowCheckQueue, key: Key, attempt: Attempt, yours: bytes | None) -> str | None:
    """The code of the usual mistake that explains the string they signed or, without that string, the signature."""
    for code, message in usual_mistakes(attempt):
        if message == yours or (yours is None and await _matches(slow_queue, key, attempt, message)):
            return code
    return None


async def _matches(slow_queue: SlowCheckQueue, key: Key, attempt: Attempt, message: bytes) -> bool:
    for signature in _possible_bytes(attempt.fields.get("signature", "")):
        if key.verifier.is_slow:
            if await slow_queue.verify(key.app_key, key.verifier, message, signature):
                return True
        elif key.verifier.verify(message, signature):
            return True
    return False


def _possible_bytes(text: str) -> Iterator[bytes]:
    """The bytes of a signature, also from a wrong encoding, so that a mistake in the signed string shows as well."""
    try:
        yield bytes.fromhex(text)
    except ValueError:
        standard = text.replace("-", "+").replace("_", "/")
        try:
            yield base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except (binascii.Error, ValueError):
            return
