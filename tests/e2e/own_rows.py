"""The rows of one person, found in the catalogue of the database, and what the registers promise about them.

The registers are read here a second time, on rows instead of SQL. So a fault of the code that exports does not hide.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.personal_data import Id, Kept, Link
from tests.contract.personal_data_page import SERVICES, register
from tests.e2e.traces import Connection

Row = Mapping[str, Any]
Rows = Mapping[str, Mapping[str, Sequence[Row]]]
_TABLES = """SELECT c.relname FROM pg_class c WHERE c.relnamespace = $1::text::regnamespace
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""


async def read_rows(connection: Connection) -> dict[str, dict[str, list[Row]]]:
    """Return every row of the four schemas, as the database prints it, by schema and table."""
    found: dict[str, dict[str, list[Row]]] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for schema in SERVICES:
            found[schema] = {}
            for (table,) in await connection.fetch(_TABLES, schema):
                rows = await connection.fetch(f'SELECT row_to_json(t)::text FROM "{schema}"."{table}" t')
                found[schema][table] = [json.loads(row[0]) for row in rows]
    return found


@dataclass
class PersonIds:
    """`own` name the person. `more` name what the person has: bindings, stays, orders, acts, a household, a card."""

    user_id: str
    account_id: str
    account_no: str
    more: set[str] = field(default_factory=set)

    @property
    def own(self) -> set[str]:
        return {self.user_id, self.account_id, self.account_no}


# Where the person's own things are: schema, table, and the columns that name such a thing.
_OWN_THINGS = (
    ("accounts", "binding", ("binding_id",)),
    ("accounts", "household_member", ("membership_id", "household_id")),
    ("accounts", "login_session", ("session_id",)),
    ("accounts", "family_card", ("card_id",)),
    ("accounting", "activity", ("activity_id",)),
    ("accounting", "hold", ("hold_id",)),
    ("rewards", "orders", ("order_id",)),
    ("rewards", "donation", ("donation_id",)),
)


def add_things(ids: PersonIds, rows: Rows) -> None:
    """Add the ids of the person's things, found by the person's own ids in any column."""
    for schema, table, columns in _OWN_THINGS:
        for row in rows[schema][table]:
            if columns_with(row, ids.own):
                ids.more |= {str(row[column]) for column in columns if row[column] is not None}


def columns_with(row: Row, ids: set[str]) -> set[str]:
    """Return the columns in which one of the ids stands, also inside a longer text or a document."""
    found = set()
    for column, cell in row.items():
        text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
        if any(one in text for one in ids):
            found.add(column)
    return found


def promised(schema: str, rows: Rows, ids: PersonIds) -> dict[str, list[Row]]:
    """Return the rows that the register of a schema promises to the person, by table, as an export shows them."""
    found: dict[str, list[Row]] = {}
    for table, kept in register(schema).items():
        theirs = [row for row in rows[schema].get(table, ()) if _is_theirs(schema, kept, row, rows, ids)]
        shown: list[Row] = [{name: cell for name, cell in row.items() if name not in kept.hidden} for row in theirs]
        found[table] = [one for place, one in enumerate(shown) if one not in shown[:place]]
    return found


def _is_theirs(schema: str, kept: Kept, row: Row, rows: Rows, ids: PersonIds) -> bool:
    return any(_leads(schema, link, row, rows, ids) for link in kept.by)


def _leads(schema: str, link: Link, row: Row, rows: Rows, ids: PersonIds) -> bool:
    cell = row[link.column]
    if cell is None or (link.where is not None and row.get("kind") == "credit"):
        return False  # the one condition that the registers have: `kind <> 'credit'`
    if link.through is not None:
        behind = register(schema)[link.through]
        there = link.through_column or link.column
        return any(
            one[there] == cell and _is_theirs(schema, behind, one, rows, ids) for one in rows[schema][link.through]
        )
    if link.id is Id.EVENT:
        acts = rows["accounting"]["activity"]
        return any(one["activity_id"] == cell and one["account_id"] == ids.account_id for one in acts)
    own = ids.user_id if link.id is Id.USER else ids.account_id
    return bool(cell == (link.form or "{id}").replace("{id}", own))


def unexplained(rows: Rows, ids: PersonIds) -> Iterator[str]:
    """Yield each row with an id of the person that the register neither promises to the person nor explains.

    It explains a row of a table that is nobody's, or whose content it calls loose, with the reason; columns that name
    a person but find nothing; and rows that lead to somebody else.
    """
    for schema in SERVICES:
        tables, theirs = register(schema), promised(schema, rows, ids)
        for table, found in rows[schema].items():
            kept = tables.get(table)
            if kept is None or kept.loose is not None:
                if kept is None:
                    yield f"{schema}.{table} has no entry"
                continue
            for row in found:
                shown = {name: cell for name, cell in row.items() if name not in kept.hidden}
                if shown in theirs[table]:
                    continue
                direct = columns_with(row, ids.own) - kept.names
                things = columns_with(row, ids.more)
                if direct or (things and kept.is_personal and not _is_anothers(schema, kept, row, rows, ids)):
                    yield f"{schema}.{table} {sorted(direct | things)}: {json.dumps(row, ensure_ascii=False)[:300]}"


def _is_anothers(schema: str, kept: Kept, row: Row, rows: Rows, ids: PersonIds) -> bool:
    """Whether the row leads to another person, or to a thing of another person or of a household."""
    for link in kept.by:
        cell = row[link.column]
        if cell is not None and link.through is not None:
            there, behind = link.through_column or link.column, register(schema)[link.through]
            found = [one for one in rows[schema][link.through] if one[there] == cell]
            if any(_is_anothers(schema, behind, one, rows, ids) for one in found):
                return True
        elif cell is not None and cell not in ids.own | ids.more:
            return True
    return False


def sealed_values(rows: Rows, ids: PersonIds) -> dict[str, set[str]]:
    """Return every ciphertext in rows with an id of the person or of what the person has, by its column."""
    found: dict[str, set[str]] = {}
    for schema, tables in rows.items():
        for table, found_rows in tables.items():
            for row in found_rows:
                theirs = columns_with(row, ids.own | ids.more)
                if theirs and not _is_anothers(schema, register(schema)[table], row, rows, ids):
                    for column, cell in row.items():
                        if cell and re.search(r"(^|_)sealed$", column):
                            found.setdefault(f"{schema}.{table}.{column}", set()).add(cell)
    return found
