"""Finds out why a signature does not match: builds the strings that partners sign by usual mistakes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from shared.auth import cp1

_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_LINES = ("method", "target", "timestamp", "nonce")
EXCERPT_BYTES = 40


@dataclass(frozen=True, slots=True)
class Attempt:
    """The request as the partner describes it, with the fields of its header, parsed leniently."""

    method: str
    target: str
    body: bytes
    algorithm: str
    fields: dict[str, str]

    def message(self, **changed: str) -> bytes:
        parts = {
            "method": self.method,
            "target": self.target,
            "timestamp": self.fields.get("timestamp", ""),
            "nonce": self.fields.get("nonce", ""),
            **changed,
        }
        return "".join(f"{parts[name]}\n" for name in _LINES).encode() + self.body + b"\n"


def attempt_of(method: str, target: str, body: bytes, authorization: str) -> Attempt:
    scheme, _, rest = authorization.partition(" ")
    return Attempt(method, target, body, scheme.upper(), dict(cp1.parameters_of(rest)))


@dataclass(frozen=True, slots=True)
class Difference:
    """The first byte that differs: its line, its offset in bytes, and both sides from there on."""

    line: str
    offset: int
    ours: bytes
    yours: bytes


def first_difference(ours: bytes, yours: bytes) -> Difference | None:
    if ours == yours:
        return None
    shorter = min(len(ours), len(yours))
    offset = next((at for at in range(shorter) if ours[at] != yours[at]), shorter)
    number = ours[:offset].count(b"\n")
    line = _LINES[number] if number < len(_LINES) else "body"
    end = offset + EXCERPT_BYTES
    return Difference(line, offset, ours[offset:end], yours[offset:end])


def header_faults(attempt: Attempt, *, algorithm: str, now_s: int, window_s: int) -> Iterator[str]:
    """Codes of mistakes in the header itself, independent of what was signed."""
    fields = attempt.fields
    if attempt.algorithm != algorithm:
        yield "OTHER_ALGORITHM"
    missing = {"app_key", "timestamp", "nonce", "signature"} - set(fields)
    if missing:
        yield "FIELD_MISSING"
    timestamp = fields.get("timestamp", "")
    if not (timestamp.isascii() and timestamp.isdecimal()):
        yield "TIMESTAMP_NOT_SECONDS"
    elif len(timestamp) == 13:
        yield "TIMESTAMP_IN_MILLISECONDS"
    elif len(timestamp) > 12 or abs(int(timestamp) - now_s) > window_s:
        yield "TIMESTAMP_OUT_OF_WINDOW"
    if not _NONCE.fullmatch(fields.get("nonce", "")):
        yield "NONCE_FORM"
    signature = fields.get("signature", "")
    if re.fullmatch(r"(?:[0-9a-fA-F]{2}){32,512}", signature):
        yield "SIGNATURE_IN_HEX"
    elif re.search(r"[-_]", signature):
        yield "SIGNATURE_URL_SAFE"
    elif not signature or len(signature) % 4 or not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", signature):
        yield "SIGNATURE_NOT_BASE64"


def usual_mistakes(attempt: Attempt) -> Iterator[tuple[str, bytes]]:
    """Each code with the string that this mistake would sign. Mistakes without effect on this request are left out."""
    whole = attempt.message()
    head = whole[: len(whole) - len(attempt.body) - 1]
    path = attempt.target.partition("?")[0]
    candidates = [
        ("NO_TRAILING_NEWLINE", whole[:-1]),
        ("TARGET_WITHOUT_QUERY", attempt.message(target=path)),
        ("TARGET_DECODED", attempt.message(target=unquote(attempt.target, errors="replace"))),
        ("METHOD_LOWER_CASE", attempt.message(method=attempt.method.lower())),
        ("BODY_LEFT_OUT", head + b"\n"),
        ("LINES_END_WITH_CRLF", head.replace(b"\n", b"\r\n") + attempt.body + b"\r\n"),
        ("TIMESTAMP_IN_MILLISECONDS", attempt.message(timestamp=attempt.fields.get("timestamp", "") + "000")),
        *(("BODY_RESERIALISED", head + body + b"\n") for body in _reserialised(attempt.body)),
    ]
    for code, message in candidates:
        if message != whole:
            yield code, message


def _reserialised(body: bytes) -> Iterator[bytes]:
    """The same JSON as common libraries would serialise it."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    for sort in (False, True):
        for separators in ((",", ":"), (", ", ": ")):
            for ascii_only in (False, True):
                text = json.dumps(value, sort_keys=sort, separators=separators, ensure_ascii=ascii_only)
                yield text.encode(errors="replace")
