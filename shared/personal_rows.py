"""SQL that finds, exports and erases the rows of one person, written from a service's register of personal data.

Plumbing like `shared/idempotency.py`: it knows tables only by the register, so that a new entry there is all that a new
table needs.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.personal_data import Erasure, Id, Kept, Link

Registered = Mapping[str, Kept]
ROWS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class PersonIds:
    """The ids by which a service knows a person. `events` are keys of reported events, for the archive only."""

    user_id: uuid.UUID | None = None
    account_id: uuid.UUID | None = None
    events: Sequence[uuid.UUID] = ()

    def values(self) -> dict[str, Any]:
        return {"user_id": self.user_id, "account_id": self.account_id, "events": list(self.events)}

    def knows(self, kind: Id) -> bool:
        return {
            Id.USER: self.user_id is not None,
            Id.ACCOUNT: self.account_id is not None,
            Id.EVENT: bool(self.events),
        }[kind]


class CursorBroken(Exception):
    """The cursor is none that `PersonalRows.page` made."""


def _position(after: str | None) -> tuple[int, list[str] | None]:
    if after is None:
        return 0, None
    try:
        place, key = json.loads(after)
    except (ValueError, TypeError) as exc:
        raise CursorBroken from exc
    if not isinstance(place, int) or place < 0 or not (key is None or isinstance(key, list)):
        raise CursorBroken
    return place, key


_VALUES: Final = {
    Id.USER: "CAST(:user_id AS uuid)",
    Id.ACCOUNT: "CAST(:account_id AS uuid)",
}


@dataclass(frozen=True, slots=True)
class _Shape:
    """A table as the catalogue has it: its columns, its primary key with the types, and whether it has partitions."""

    columns: tuple[str, ...]
    key: tuple[tuple[str, str], ...]
    is_partitioned: bool


_CATALOGUE: Final = """SELECT c.relname AS name, c.relkind = 'p' AS is_partitioned,
    array_agg(a.attname::text ORDER BY a.attnum) AS columns,
    array_agg(k.place ORDER BY a.attnum) AS places,
    array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN LATERAL (SELECT p.place FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS p(attnum, place)
        WHERE i.indrelid = c.oid AND i.indisprimary AND p.attnum = a.attnum) k ON true
    WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    GROUP BY 1, 2"""


class PersonalRows:
    """The personal rows of one schema. The catalogue is read once for each process."""

    def __init__(self, schema: str, tables: Registered) -> None:
        self._schema, self._tables = schema, tables
        self._shapes: dict[str, _Shape] = {}

    async def _load(self, session: AsyncSession) -> None:
        if not self._shapes:
            for row in (await session.execute(text(_CATALOGUE), {"schema": self._schema})).all():
                found = sorted(zip(row.places, row.columns, row.types, strict=True), key=lambda one: one[0] or 0)
                key = [(column, kind) for place, column, kind in found if place is not None]
                # A table without a primary key is ordered by all of its columns.
                every = list(zip(row.columns, row.types, strict=True))
                self._shapes[row.name] = _Shape(tuple(row.columns), tuple(key or every), row.is_partitioned)

    async def erase(self, session: AsyncSession, ids: PersonIds, *, at_most: int, without: Collection[str] = ()) -> int:
        """Delete or clear up to `at_most` rows, dependants first. Return how many; fewer when nothing is left.

        One statement looks where there are rows: most people have some in a few tables only. `without` are tables that
        their own room erases.
        """
        await self._load(session)
        left = at_most
        for name, condition, values in await self._present(session, list(self._erased(ids, without))):
            if left <= 0:
                break
            result = await session.execute(text(self._erasing(name, condition, left)), values)
            left -= max(getattr(result, "rowcount", 0), 0)
        return at_most - left

    def _erased(self, ids: PersonIds, without: Collection[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name, kept in sorted(self._tables.items(), key=lambda item: (item[1].order, item[0])):
            if kept.erasure not in {Erasure.DELETE, Erasure.CLEAR} or name in without:
                continue
            for condition, values in self._conditions(kept, ids):
                if kept.erasure is Erasure.CLEAR:
                    changes = " OR ".join(f"{column} IS DISTINCT FROM {value}" for column, value in kept.clear.items())
                    yield name, f"({condition}) AND ({changes})", values
                else:
                    yield name, condition, values

    async def _present(
        self, session: AsyncSession, sought: Sequence[tuple[str, str, dict[str, Any]]]
    ) -> list[tuple[str, str, dict[str, Any]]]:
        """Return those with rows, in the same order."""
        if not sought:
            return []
        looks = (f'EXISTS (SELECT FROM "{self._schema}"."{name}" WHERE {condition})' for name, condition, _ in sought)
        values = {name: value for _, _, used in sought for name, value in used.items()}
        found = (await session.execute(text(f"SELECT ARRAY[{', '.join(looks)}]"), values)).scalar_one()
        return [one for one, is_there in zip(sought, found, strict=True) if is_there]

    def _erasing(self, name: str, condition: str, limit: int) -> str:
        table, kept = f'"{self._schema}"."{name}"', self._tables[name]
        # ctid names a row within one partition, so a partitioned table takes the whole condition. Its callers are
        # bounded by the number of event keys.
        if not self._shapes[name].is_partitioned:
            condition = f"ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT {limit} FOR UPDATE))"
        if kept.erasure is Erasure.DELETE:
            return f"DELETE FROM {table} WHERE {condition}"
        settings = ", ".join(f"{column} = {value}" for column, value in kept.clear.items())
        return f"UPDATE {table} SET {settings} WHERE {condition}"

    async def page(
        self, session: AsyncSession, ids: PersonIds, *, after: str | None, limit: int = ROWS_MAX
    ) -> tuple[list[tuple[str, dict[str, Any]]], str | None]:
        """Return (table, row) pairs in a stable order, and the cursor of the next page, None after the last.

        A row that two links find comes once for each. The cursor names table, link and the last primary key.
        Raises CursorBroken.
        """
        await self._load(session)
        reads = list(self._reads(ids))
        place, key = _position(after)
        found: list[tuple[str, dict[str, Any]]] = []
        while place < len(reads) and len(found) < limit:
            name, condition, values = reads[place]
            rows = (
                await session.execute(
                    text(self._reading(name, condition, key)),
                    {**values, **_key_values(key), "limit": limit - len(found)},
                )
            ).all()
            full = len(rows) == limit - len(found)
            found += [(name, json.loads(row[0])) for row in rows]
            place, key = (place, json.loads(rows[-1][1])) if full else (place + 1, None)
        return found, json.dumps([place, key]) if place < len(reads) else None

    def titles(self, found: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, str]:
        """Return the Chinese titles of the tables of these rows."""
        return {name: self._tables[name].title.zh for name, _ in found}

    def _reads(self, ids: PersonIds) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name, kept in sorted(self._tables.items()):
            for condition, values in self._conditions(kept, ids):
                yield name, condition, values

    def _reading(self, name: str, condition: str, key: list[str] | None) -> str:
        shape, hidden = self._shapes[name], self._tables[name].hidden
        columns = ", ".join(f'"{column}"' for column in shape.columns if column not in hidden)
        place = ", ".join(f'"{column}"' for column, _ in shape.key)
        after = ""
        if key is not None:
            values = (f"CAST(CAST(:key_{number} AS text) AS {kind})" for number, (_, kind) in enumerate(shape.key))
            after = f" AND ({place}) > ({', '.join(values)})"
        texts = ", ".join(f'"{column}"::text' for column, _ in shape.key)
        return (
            f"SELECT (SELECT row_to_json(x)::text FROM (SELECT {columns}) x), json_build_array({texts})::text"
            f' FROM "{self._schema}"."{name}" WHERE ({condition}){after} ORDER BY {place} LIMIT :limit'
        )

    def _conditions(self, kept: Kept, ids: PersonIds) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield one condition for each link: each has an index of its own."""
        for link in kept.by:
            condition = self._condition(link, ids)
            if condition is not None:
                used = ids.values()
                yield condition, {name: value for name, value in used.items() if f":{name}" in condition}

    def _condition(self, link: Link, ids: PersonIds) -> str | None:
        if link.through is not None:
            inner = [self._condition(one, ids) for one in self._tables[link.through].by]
            known = [f"({one})" for one in inner if one is not None]
            if not known:
                return None
            return (
                f'"{link.column}" IN (SELECT "{link.through_column}" FROM "{self._schema}"."{link.through}"'
                f" WHERE {' OR '.join(known)})"
            ) + (f" AND {link.where}" if link.where else "")
        if not ids.knows(link.id):
            return None
        if link.id is Id.EVENT:
            return f'"{link.column}" = ANY(CAST(:events AS uuid[]))'
        value = _VALUES[link.id]
        if link.form is not None:
            before, _, behind = link.form.partition("{id}")
            value = f"'{before}' || CAST({value} AS text) || '{behind}'"
        return f'"{link.column}" = {value}' + (f" AND {link.where}" if link.where else "")


def _key_values(key: list[str] | None) -> dict[str, Any]:
    return {f"key_{number}": value for number, value in enumerate(key or ())}
