"""The settlement of a day as CSV, for spreadsheets."""

import csv
import io
from typing import Final

from services.rewards.clearing.service import DaySettlement
from shared.language import Language

_HEAD: Final = (
    "day", "status", "merchant_id", "shop_id", "shop_name", "sponsor_id", "item_id", "title", "pieces", "fen",
    "adjusted_fen", "total_fen",
)  # fmt: skip
# A spreadsheet takes a cell that begins like this for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
# Without it, spreadsheets read UTF-8 as another encoding.
_BYTE_ORDER_MARK: Final = "\ufeff"


def settlement_csv(found: DaySettlement, *, language: Language) -> str:
    """Return one row for each shop, sponsor and item, and a row of the sums."""
    out = io.StringIO()
    out.write(_BYTE_ORDER_MARK)
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(_HEAD)
    status = "open" if found.closed_at is None else "closed"
    for line in found.lines:
        names = (line.merchant_id, line.shop_id, line.shop.pick(language), line.sponsor_id, line.item_id)
        texts = [_plain(text) for text in (*names, line.item.pick(language))]
        write([found.day.isoformat(), status, *texts, line.pieces, line.fen, line.adjusted_fen, line.total_fen])
    total = [found.pieces, found.fen, found.adjusted_fen, found.total_fen]
    write([found.day.isoformat(), status, "", "", "合计" if language == "zh" else "total", "", "", "", *total])
    return out.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
