"""The lines of a citizen's statement: what each entry of the ledger was, in words."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.accounting.ledger import service as ledger
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.service import Library
from services.accounting.posting import history
from shared.db import Database
from shared.language import Text

_SPENT: Final = {
    "order": Text("兑换：{title}", "Redeemed: {title}"),
    "donation": Text("捐赠给{title}", "Donated to {title}"),
}
_GIVEN_BACK: Final = {
    "order": Text("兑换没有完成，退回：{title}", "Redemption not completed, given back: {title}"),
    "donation": Text("捐赠没有完成，退回：{title}", "Donation not completed, given back: {title}"),
}
_RETURNED: Final = Text("取消兑换，退回：{title}", "Redemption cancelled, given back: {title}")
_OF_ACTS: Final = {
    "credit": Text("{title}", "{title}"),
    "vest": Text("{title}，已生效", "{title}, available now"),
    "reversal": Text("{title}，已撤销", "{title}, taken back"),
}
_OTHERS: Final = {
    "hold": Text("使用减碳量", "Grams spent"),
    "release": Text("退回减碳量", "Grams given back"),
    "credit": Text("低碳行为", "Low-carbon activity"),
    "vest": Text("减碳量已生效", "Grams available now"),
    "reversal": Text("减碳量已撤销", "Grams taken back"),
    "repayment": Text("抵扣此前撤销的减碳量", "Set off against grams taken back earlier"),
    "expire": Text("减碳量到期", "Grams expired"),
}
_UNNAMED: Final = {"order": Text("商品", "an item"), "donation": Text("公益活动", "a campaign")}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the ledger with its words. `spending` is `order` or `donation`, with its id."""

    row: Any
    title: Text
    spending: str | None
    spending_id: uuid.UUID | None


async def list_lines(
    database: Database, library: Library, *, account_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> list[Line]:
    """Return the lines of an account before an entry, newest first."""
    async with database.transaction() as session:
        rows = await ledger.list_entries(session, account_id=account_id, before=before, limit=limit)
        acts = await history.get_activities(session, [row.activity_id for row in rows if row.activity_id])
    named = {(act["methodology_code"], act["methodology_version"]) for act in acts.values() if act["methodology_code"]}
    index = await library.index_with(database, named)
    return [_line(row, acts, index) for row in rows]


def _line(row: Any, acts: Mapping[uuid.UUID, Any], index: MethodologyIndex) -> Line:
    spending, spending_id = _spending(row.purpose)
    title = _title_of_act(acts.get(row.activity_id), index) if row.activity_id else None
    if title is not None and row.kind in _OF_ACTS:
        return Line(row, _filled(_OF_ACTS[row.kind], title), None, None)
    if spending is not None and row.kind in {"hold", "release"}:
        named = _UNNAMED[spending] if row.title_zh is None else Text(row.title_zh, row.title_en)
        words = _SPENT if row.kind == "hold" else _GIVEN_BACK
        template = _RETURNED if row.kind == "release" and row.hold_status == "refunded" else words[spending]
        return Line(row, _filled(template, named), spending, spending_id)
    return Line(row, _OTHERS.get(row.kind, Text(row.kind, row.kind)), spending, spending_id)


def _spending(purpose: str | None) -> tuple[str | None, uuid.UUID | None]:
    """Read `order:<id>` or `donation:<id>`."""
    kind, _, identity = (purpose or "").partition(":")
    try:
        return (kind, uuid.UUID(identity)) if kind in _SPENT else (None, None)
    except ValueError:
        return None, None


def _title_of_act(act: Any, index: MethodologyIndex) -> Text | None:
    if act is None or not act["methodology_code"]:
        return None
    version = index.version(act["methodology_code"], act["methodology_version"])
    return None if version is None else version.document.title.text


def _filled(template: Text, title: Text) -> Text:
    return Text(template.zh.format(title=title.zh), template.en.format(title=title.en))
