"""Use cases of imports: read a file, load what is new, report each line that was not added; list the pools."""

import hashlib
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.rewards.audit.service import log
from services.rewards.catalogue import service as catalogue
from services.rewards.voucher_imports import repository
from services.rewards.voucher_imports.domain import (
    CODES_MAX,
    REPORTED_LINES_MAX,
    LineState,
    decoded,
    is_low,
    read_lines,
)
from services.rewards.voucher_imports.errors import FileUnreadable, ImportNotFound, TooManyCodes
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer
from shared.db import Session
from shared.ids import new_id


async def import_codes(
    session: Session, *, sealer: CodeSealer, item_id: str, content: bytes, operator: str, reason: str
) -> Any:
    """Load the codes of a file into the pool of an item. Return the row of the import.

    A second import of the same file adds nothing. Raises FileUnreadable, TooManyCodes, ItemNotFound.
    """
    text = decoded(content)
    lines = None if text is None or "\0" in text else read_lines(text)
    if not lines:
        raise FileUnreadable
    if len(lines) > CODES_MAX:
        raise TooManyCodes(limit=CODES_MAX)
    codes = [line.code for line in lines if line.code is not None]
    known = await vouchers.known_codes(session, sealer=sealer, item_id=item_id, codes=codes)
    states: list[tuple[int, LineState]] = []
    seen: set[str] = set()
    for line in lines:
        states.append((line.number, _state(line.code, known, seen)))
        seen.update([line.code] if line.code is not None else [])
    fresh = seen - known
    added = await vouchers.load_codes(session, sealer=sealer, item_id=item_id, codes=sorted(fresh), imported=True)
    assert added == len(fresh), "the stock of the item is locked, so nobody else loads codes"
    counts = Counter(state for _, state in states)
    row = await repository.add(
        session,
        {
            "import_id": new_id(),
            "item_id": item_id,
            "file_sha256": hashlib.sha256(content).hexdigest(),
            **{state.value: counts[state] for state in LineState},
            "report": [one for one in states if one[1] is not LineState.ADDED][:REPORTED_LINES_MAX],
            "imported_by": operator,
        },
    )
    await log.record(
        session,
        subject=operator,
        action="vouchers.import",
        about=f"item:{item_id}",
        reason=reason,
        after={"import_id": str(row.import_id), **{state.value: counts[state] for state in LineState}},
    )
    return row


def _state(code: str | None, known: set[str], seen: set[str]) -> LineState:
    if code is None:
        return LineState.REFUSED
    if code in seen:
        return LineState.REPEATED
    return LineState.KNOWN if code in known else LineState.ADDED


async def get_import(session: Session, *, import_id: uuid.UUID) -> Any:
    """Raises ImportNotFound."""
    row = await repository.get(session, import_id)
    if row is None:
        raise ImportNotFound
    return row


async def list_imports(session: Session, *, item_id: str | None, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    return await repository.page(session, item_id=item_id, before=before, limit=limit)


@dataclass(frozen=True, slots=True)
class Pool:
    """The codes of an item: pieces loaded, pieces left, codes nobody has."""

    item_id: str
    loaded: int
    available: int
    codes_free: int

    @property
    def low(self) -> bool:
        return is_low(available=self.available, loaded=self.loaded)


async def list_pools(session: Session, *, only_low: bool) -> list[Pool]:
    """Return the pools of all items, those that run out first."""
    counts = await vouchers.pool_counts(session)
    pools = [
        Pool(row.item_id, row.loaded, row.available, counts.get(row.item_id, (0, 0))[0])
        for row in await catalogue.list_stock(session)
    ]
    found = [pool for pool in pools if pool.low or not only_low]
    return sorted(found, key=lambda pool: (not pool.low, pool.item_id))
