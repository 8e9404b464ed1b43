"""A verdict as partners get it, and how verdicts are packed into blocks of the feed."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from shared.contracts.outcomes_v1 import ActivityJudged

# A page reads few blocks and unpacks little that it does not show.
BLOCK_ITEMS_MAX: Final = 200
# Level 1 makes a fifth of the size at 3 us a verdict. Higher levels gain little.
_LEVEL: Final = 1


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict. A higher `sequence` of the same `id` replaces a lower one."""

    id: str
    status: str
    reason_code: str | None
    amount_mg: int
    sequence: int
    receipt_id: UUID
    index: int
    activity_id: UUID
    judged_at: datetime


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Result]).decode


def result_of(verdict: ActivityJudged) -> Result:
    return Result(
        id=verdict.event_id,
        status="credited" if verdict.status == "pending" else verdict.status,  # the same status as in receipts
        reason_code=verdict.reason_code,
        amount_mg=verdict.amount_mg,
        sequence=verdict.sequence,
        receipt_id=verdict.receipt_id,
        index=verdict.index,
        activity_id=verdict.activity_id,
        judged_at=verdict.judged_at,
    )


def pack(results: Sequence[Result]) -> Iterator[tuple[int, bytes]]:
    """(number of verdicts, packed verdicts) of each block, in order."""
    for start in range(0, len(results), BLOCK_ITEMS_MAX):
        group = results[start : start + BLOCK_ITEMS_MAX]
        yield len(group), zlib.compress(_encode(group), _LEVEL)


def unpack(blocks: Iterable[tuple[int, bytes]], after: int) -> list[tuple[int, Result]]:
    """(position, verdict) of every verdict after a position. `blocks`: (last position, packed verdicts), in order."""
    found: list[tuple[int, Result]] = []
    for last, items in blocks:
        results = _decode(zlib.decompress(items))
        numbered = enumerate(results, last - len(results) + 1)
        found += [(position, result) for position, result in numbered if position > after]
    return found
