"""The month of the banks as CSV (RFC 4180), with a last line of sums."""

import csv
import io
from typing import Final

from services.rewards.loans.schemas import Settled

_COLUMNS: Final = ("bank_id", "budget_id", "day", "offsets", "amount_mg", "interest_fen")


def settled_csv(found: Settled) -> str:
    """Return the file. Its cells are slugs, dates and integers, so no program takes one for a formula."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(_COLUMNS)
    for line in found.items:
        writer.writerow([getattr(line, name) for name in _COLUMNS])
    writer.writerow(["total", "", found.month, found.offsets, found.amount_mg, found.interest_fen])
    return sheet.getvalue()
