"""The settlement of a day as CSV, for spreadsheets."""

import csv
import io
from typing import Final

from services.rewards.clearing.service import DaySettlement
from shared.language import Language

COLUMNS: Final = (
    "day", "status", "merchant_id", "shop_id", "shop_name", "sponsor_id", "sponsor_name", "item_id", "title", "pieces",
    "fen", "adjusted_fen", "total_fen",
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
    write(COLUMNS)
    status = "open" if found.closed_at is None else "closed"
    for line in found.lines:
        shop, sponsor, item = (one.pick(language) for one in (line.shop, line.sponsor, line.item))
        names = (line.merchant_id, line.shop_id, shop, line.sponsor_id, sponsor, line.item_id, item)
        texts = [_plain(text) for text in names]
        write([found.day.isoformat(), status, *texts, line.pieces, line.fen, line.adjusted_fen, line.total_fen])
    total = [found.pieces, found.fen, found.adjusted_fen, found.total_fen]
    write([found.day.isoformat(), status, "", "", "合计" if language == "zh" else "total", "", "", "", "", *total])
    return out.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
