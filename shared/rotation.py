"""Rotations of keys while a service runs: rows change in bounded steps, each a short transaction of its own.

A killed rotation goes on where it was. Two at once take turns. Progress goes to standard error.
"""

import asyncio
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database

# A step holds the locks of its rows for some 50 ms.
ROWS_PER_STEP = 500
_BAR = 30
_HELD_WAIT_S = 0.02
_SHOWN_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """Rows changed by one step: the last id, how many, whether no row is left. None changed: somebody holds them."""

    through: uuid.UUID | None
    count: int
    is_last: bool


class ProgressBar:
    """One line on a terminal, or a line for each tenth in a file."""

    def __init__(self, title: str, total: int, *, stream: TextIO | None = None) -> None:
        self._title, self._total, self._stream = title, max(total, 1), stream or sys.stderr
        self._shown_at, self._shown_tenth = float("-inf"), -1

    def show(self, done: int, note: str = "") -> None:
        done = min(done, self._total)
        share = done / self._total
        line = f"{self._title} [{'#' * int(share * _BAR):<{_BAR}}] {share:4.0%}  {done:,} / {self._total:,}  {note}"
        if self._stream.isatty():
            if time.monotonic() - self._shown_at >= _SHOWN_EVERY_S or done == self._total:
                self._shown_at = time.monotonic()
                print(f"\r{line}\x1b[K", end="\n" if done == self._total else "", file=self._stream, flush=True)
        elif int(share * 10) != self._shown_tenth:
            self._shown_tenth = int(share * 10)
            print(line, file=self._stream, flush=True)


async def take_turn(session: AsyncSession, name: str) -> None:
    """Wait until no other run is in a step of this rotation. Ends with the transaction."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of sealed secrets. `count_left` counts those of other keys, `step` seals the next ones after an id."""

    title: str
    count_left: Callable[[AsyncSession], Awaitable[int]]
    step: Callable[[AsyncSession, uuid.UUID | None, int], Awaitable[Step]]


async def seal_anew(database: Database, *, name: str, columns: Sequence[Sealed]) -> int:
    """Seal everything with the current key, until a whole pass finds nothing else. Return the number of rows.

    Raises SealBroken for a row that no key opens.
    """
    changed = 0
    for column in columns:
        while True:
            async with database.transaction() as session:
                left = await column.count_left(session)
            if not left:
                break
            changed += await _seal_pass(database, name, column, left)
        ProgressBar(column.title, 1).show(1, "完成 done")
    return changed


async def _seal_pass(database: Database, name: str, column: Sealed, left: int) -> int:
    bar, done, after = ProgressBar(column.title, left), 0, None
    while True:
        async with database.transaction() as session:
            await take_turn(session, name)
            step = await column.step(session, after, ROWS_PER_STEP)
        done, after = done + step.count, step.through or after
        bar.show(done)
        if step.is_last:
            return done
        if not step.count:
            await asyncio.sleep(_HELD_WAIT_S)


def sealed_column(
    title: str,
    *,
    table: str,
    key: str,
    column: str,
    version: int,
    reseal: Callable[[uuid.UUID, bytes], bytes | None],
    owner: str | None = None,
) -> Sealed:
    """Return a column that needs no rule of its own. `owner` is the column whose id is the sealed place, or the key.

    The first byte of a ciphertext is the number of its key. `reseal` raises SealBroken. The names are constants.
    """
    otherwise = f"get_byte({column}, 0) <> :version"
    counting = text(f"SELECT count(*) FROM {table} WHERE {otherwise}")
    locking = text(
        f"SELECT {key}, {owner or key}, {column} FROM {table} WHERE {otherwise}"
        f" AND (CAST(:after AS uuid) IS NULL OR {key} > :after) ORDER BY {key} LIMIT :at_most FOR UPDATE"
    )
    changing = text(f"UPDATE {table} SET {column} = :sealed WHERE {key} = :key")

    async def count_left(session: AsyncSession) -> int:
        return int((await session.execute(counting, {"version": version})).scalar_one())

    async def step(session: AsyncSession, after: uuid.UUID | None, at_most: int) -> Step:
        found = (await session.execute(locking, {"version": version, "after": after, "at_most": at_most})).all()
        again = [(row[0], reseal(row[1], row[2])) for row in found]
        changes = [{"key": key_, "sealed": sealed} for key_, sealed in again if sealed is not None]
        if changes:
            await session.execute(changing, changes)
        return Step(found[-1][0] if found else None, len(changes), is_last=not found)

    return Sealed(title, count_left, step)
