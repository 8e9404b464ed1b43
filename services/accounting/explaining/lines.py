"""The lines of a citizen's statement: what each entry of the ledger was, in words."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.accounting.ledger import service as ledger
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.service import Library
from services.accounting.posting import history
from services.accounting.sentences import statement
from shared.db import Database
from shared.language import Text


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the ledger with its words. `spending` is `order`, `donation` or `loan`, with its id."""

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
    if title is not None and row.kind in statement.OF_ACTS:
        return Line(row, _filled(statement.OF_ACTS[row.kind], title), None, None)
    if spending is not None and row.kind in {"hold", "release"}:
        named = statement.UNNAMED[spending] if row.title_zh is None else Text(row.title_zh, row.title_en)
        words = statement.SPENT if row.kind == "hold" else statement.GIVEN_BACK
        is_returned = row.kind == "release" and row.hold_status == "refunded" and spending in statement.RETURNED
        template = statement.RETURNED[spending] if is_returned else words[spending]
        return Line(row, _filled(template, named), spending, spending_id)
    return Line(row, statement.OTHERS.get(row.kind, Text(row.kind, row.kind)), spending, spending_id)


def _spending(purpose: str | None) -> tuple[str | None, uuid.UUID | None]:
    """Read `order:<id>`, `donation:<id>` or `loan:<id>`."""
    kind, _, identity = (purpose or "").partition(":")
    try:
        return (kind, uuid.UUID(identity)) if kind in statement.SPENT else (None, None)
    except ValueError:
        return None, None


def _title_of_act(act: Any, index: MethodologyIndex) -> Text | None:
    if act is None or not act["methodology_code"]:
        return None
    version = index.version(act["methodology_code"], act["methodology_version"])
    return None if version is None else version.document.title.text


def _filled(template: Text, title: Text) -> Text:
    return Text(template.zh.format(title=title.zh), template.en.format(title=title.en))
