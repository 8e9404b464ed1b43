"""Reads events from a file and encodes them in batches that the platform accepts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.tph.errors import CommandError

BATCH_EVENTS_MAX = 500
# Below the platform's 1 MiB, with room for the brackets.
BATCH_BYTES_MAX = 1_000_000


def read_events(path: Path) -> list[dict[str, Any]]:
    """Read a JSON array, one JSON object, or one object per line. Raises CommandError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise CommandError(f"无法读取 {path}", f"{path} cannot be read: {exc}") from exc
    try:
        whole = json.loads(text)
    except ValueError:
        return [_line(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    events = whole if isinstance(whole, list) else [whole]
    if not all(isinstance(event, dict) for event in events):
        raise CommandError("每个事件须为 JSON 对象", "Every event must be a JSON object")
    return events


def _line(number: int, line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError as exc:
        raise CommandError(f"第 {number} 行不是 JSON", f"Line {number} is not JSON: {exc}") from exc
    if not isinstance(event, dict):
        raise CommandError(f"第 {number} 行不是 JSON 对象", f"Line {number} is not a JSON object")
    return event


def encode_batches(events: Sequence[dict[str, Any]], size: int = BATCH_EVENTS_MAX) -> Iterator[tuple[int, bytes]]:
    """Yield (index of the first event, body) of each batch."""
    first, used = 0, 0
    parts: list[bytes] = []
    for index, event in enumerate(events):
        encoded = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        if parts and (len(parts) == size or used + len(encoded) + 1 > BATCH_BYTES_MAX):
            yield first, b"[" + b",".join(parts) + b"]"
            first, parts, used = index, [], 0
        parts.append(encoded)
        used += len(encoded) + 1
    if parts:
        yield first, b"[" + b",".join(parts) + b"]"
