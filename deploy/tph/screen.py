"""Tables on the terminal, Chinese first."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

ROWS_MAX = 50
_COLOURS = {
    "credited": "green", "accepted": "green", "delivered": "green", "refused": "red", "rejected": "red",
    "conflict": "red", "exhausted": "red", "parked": "yellow", "duplicate": "yellow", "received": "cyan",
}  # fmt: skip
STATUS_WORDS = {
    "received": "已收到 received", "credited": "已累计 credited", "refused": "未累计 refused",
    "parked": "待绑定 parked", "duplicate": "重复 duplicate", "conflict": "冲突 conflict",
    "reversed": "已冲回 reversed",
    "accepted": "已接收 accepted", "rejected": "拒收 rejected",
}  # fmt: skip

console = Console()
errors = Console(stderr=True)


def status_text(status: str) -> Text:
    return Text(STATUS_WORDS.get(status, status), style=_COLOURS.get(status, ""))


def grams(amount_mg: int | None) -> str:
    return "" if not amount_mg else f"{amount_mg / 1000:g} 克 g"


def table(*titles: str) -> Table:
    new = Table(show_edge=False, pad_edge=False)
    for title in titles:
        new.add_column(title, overflow="fold")
    return new


def results_table(results: Iterable[Mapping[str, Any]], *, rows_max: int = ROWS_MAX) -> Table:
    """A table of the results of a receipt or a push, with at most `rows_max` rows."""
    rows = table("#", "事件 event", "结果 result", "原因 reason", "减碳量 amount")
    count = 0
    for item in results:
        count += 1
        if count <= rows_max:
            code = item.get("code") or item.get("reason_code") or ""
            words = " ".join(str(w) for w in (code, item.get("field"), item.get("message") or item.get("reason")) if w)
            rows.add_row(
                str(item["index"]),
                item.get("id") or "?",
                status_text(item["status"]),
                words,
                grams(item.get("amount_mg")),
            )
    if count > rows_max:
        rows.add_row("…", f"另有 {count - rows_max} 条 more", "", "", "")
    return rows
