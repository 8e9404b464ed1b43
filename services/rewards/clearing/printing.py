"""Has the settlement of a day written as PDF, by one process at a time."""

import asyncio
import json
from typing import Any, Final

from services.rewards.clearing.errors import PrinterBusy
from services.rewards.clearing.service import DaySettlement
from shared.language import Language
from shared.press import PressFailed, run_press

_TIMEOUT_S: Final = 25.0
_WAITING_MAX: Final = 8
_PROGRAM: Final = "services.rewards.clearing.pdf_file"
_ROWS_MAX: Final = 2_000
_WORDS: Final[dict[Language, dict[str, Any]]] = {
    "zh": {
        "title": "商家日结单",
        "head": ["门店", "赞助方", "商品", "份数", "金额（分）", "调整（分）", "应付（分）"],
        "day": "结算日",
        "merchant": "商家",
        "due": "应付合计",
        "yuan": "{} 元",
        "open": "未结清，次日 0 时 15 分结清",
        "closed": "已结清",
        "total": "合计",
        "note": "武汉碳普惠",
        "cut": "行数过多，完整明细见 CSV",
    },
    "en": {
        "title": "Settlement of the day",
        "head": ["Shop", "Sponsor", "Item", "Pieces", "Amount (fen)", "Adjusted (fen)", "Due (fen)"],
        "day": "Day",
        "merchant": "Merchant",
        "due": "Due in all",
        "yuan": "CNY {}",
        "open": "open until 00:15 of the next day",
        "closed": "closed",
        "total": "Total",
        "note": "Wuhan carbon inclusion",
        "cut": "Too many lines: the CSV has all of them",
    },
}


class Printer:
    """One process writes at a time, a few requests wait."""

    def __init__(self) -> None:
        self._turn, self._waiting = asyncio.Lock(), 0

    async def settlement(self, found: DaySettlement, *, language: Language) -> bytes:
        """Raises PrinterBusy when too many wait, or when the writing takes too long."""
        if self._waiting >= _WAITING_MAX:
            raise PrinterBusy(retry_after_s=5)
        self._waiting += 1
        try:
            async with self._turn:
                return await _written(json.dumps(content_of(found, language=language)).encode())
        finally:
            self._waiting -= 1


async def _written(content: bytes) -> bytes:
    try:
        return await run_press(_PROGRAM, content, timeout_s=_TIMEOUT_S)
    except PressFailed as exc:
        raise PrinterBusy(retry_after_s=5) from exc


def content_of(found: DaySettlement, *, language: Language) -> dict[str, Any]:
    """Return what the page says."""
    words = _WORDS[language]
    rows = [
        [
            line.shop.pick(language),
            line.sponsor.pick(language),
            line.item.pick(language),
            *_numbers(line.pieces, line.fen, line.adjusted_fen, line.total_fen),
        ]
        for line in found.lines
    ]
    state = words["open"] if found.closed_at is None else words["closed"]
    texts = [f"{words['day']}  {found.day.isoformat()}  {state}"]
    if found.merchant is not None:
        texts.insert(0, f"{words['merchant']}  {found.merchant.pick(language)}")
    texts.append(f"{words['due']}  {words['yuan'].format(_yuan(found.total_fen))}")
    sums = _numbers(found.pieces, found.fen, found.adjusted_fen, found.total_fen)
    return {
        "title": words["title"],
        "texts": texts if len(rows) <= _ROWS_MAX else [*texts, words["cut"]],
        "head": words["head"],
        "rows": [*rows[:_ROWS_MAX], [words["total"], "", "", *sums]],
        "note": f"{words['note']} {found.day.isoformat()}",
        "made_at": (found.closed_at or found.closes_at).replace(microsecond=0).isoformat(),
    }


def _numbers(*numbers: int) -> list[str]:
    return [f"{number:,}" for number in numbers]


def _yuan(fen: int) -> str:
    sign, whole, rest = "-" if fen < 0 else "", *divmod(abs(fen), 100)
    return f"{sign}{whole:,}.{rest:02}"
