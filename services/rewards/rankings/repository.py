"""SQL of boards. Writers go by arrays; each reader is one statement, so that what it shows fits together."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.rankings.domain import BoardKey, Changes, Place
from shared.db import Connection, Database, driver

# --- boards --------------------------------------------------------------------------------------------------------

_FIND_BOARDS = """
SELECT b.board_id, b.kind, b.subject, b.period, b.starts_on FROM rewards.board b
JOIN unnest($2::text[], $3::text[], $4::text[], $5::date[]) v(kind, subject, period, starts_on)
    USING (kind, subject, period, starts_on) WHERE b.generation = $1"""
_ADD_BOARDS = """
INSERT INTO rewards.board (generation, is_live, kind, subject, period, starts_on)
SELECT $1, $6, v.* FROM unnest($2::text[], $3::text[], $4::text[], $5::date[]) v ON CONFLICT DO NOTHING"""


async def board_ids(
    session: AsyncSession, generation: int, keys: Collection[BoardKey], *, is_live: bool
) -> dict[BoardKey, int]:
    """Return the boards of a generation, and make those that are missing."""
    if not keys:
        return {}
    connection = await driver(session)
    found = await _find_boards(connection, generation, sorted(keys))
    missing = sorted(set(keys) - found.keys())
    if missing:
        await connection.execute(_ADD_BOARDS, generation, *zip(*missing, strict=True), is_live)
        found |= await _find_boards(connection, generation, missing)
    return found


async def _find_boards(connection: Connection, generation: int, keys: Sequence[BoardKey]) -> dict[BoardKey, int]:
    rows = await connection.fetch(_FIND_BOARDS, generation, *zip(*keys, strict=True))
    return {BoardKey(*row[1:]): row[0] for row in rows}


async def make_live(session: AsyncSession, generation: int) -> None:
    """Show the boards of this generation, and no others."""
    connection = await driver(session)
    await connection.execute("UPDATE rewards.board SET is_live = false WHERE is_live AND generation <> $1", generation)
    await connection.execute(
        "UPDATE rewards.board SET is_live = true WHERE NOT is_live AND generation = $1", generation
    )


async def old_boards(
    session: AsyncSession, spans: Collection[tuple[str, date]], generations: Collection[int]
) -> list[int]:
    """Return boards of other periods or of other generations than these."""
    periods = [period for period, _ in spans], [starts_on for _, starts_on in spans]
    rows = await (await driver(session)).fetch(
        "SELECT board_id FROM rewards.board WHERE generation <> ALL($3::smallint[])"
        " OR (period, starts_on) NOT IN (SELECT * FROM unnest($1::text[], $2::date[])) ORDER BY board_id",
        *periods,
        sorted(generations),
    )
    return [row[0] for row in rows]


async def delete_places(session: AsyncSession, board_id: int, limit: int) -> int:
    """Delete up to `limit` places of a board, and the board after its last one. Return how many places."""
    connection = await driver(session)
    rows = await connection.fetch(
        "DELETE FROM rewards.standing WHERE ctid = ANY(ARRAY("
        "SELECT ctid FROM rewards.standing WHERE board_id = $1 LIMIT $2)) RETURNING 1",
        board_id,
        limit,
    )
    if len(rows) < limit:
        await connection.execute("DELETE FROM rewards.board_class WHERE board_id = $1", board_id)
        await connection.execute("DELETE FROM rewards.board WHERE board_id = $1", board_id)
    return len(rows)


# --- places --------------------------------------------------------------------------------------------------------


async def places_of(session: AsyncSession, generation: int, members: Sequence[uuid.UUID]) -> list[Place]:
    rows = await (await driver(session)).fetch(
        "SELECT s.member, s.board_id, s.score_mg, s.code, s.alias FROM rewards.standing s"
        " JOIN rewards.board b ON b.board_id = s.board_id AND b.generation = $1 WHERE s.member = ANY($2::uuid[])",
        generation,
        members,
    )
    return [Place(*row) for row in rows]


async def store(session: AsyncSession, changes: Changes) -> None:
    """Write changed places and the sizes of their boards. One process writes, so the order of rows is free."""
    connection = await driver(session)
    if changes.gone:
        gone = [(one.member, one.board_id) for one in changes.gone]
        await connection.execute(
            "DELETE FROM rewards.standing s USING unnest($1::uuid[], $2::int[]) v(member, board_id)"
            " WHERE s.member = v.member AND s.board_id = v.board_id",
            *zip(*gone, strict=True),
        )
    if changes.changed:
        await connection.execute(
            "UPDATE rewards.standing s SET score_mg = v.score_mg, code = v.code, alias = v.alias"
            " FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::int[], $5::int[])"
            " v(member, board_id, score_mg, code, alias) WHERE s.member = v.member AND s.board_id = v.board_id",
            *zip(*changes.changed, strict=True),
        )
    if changes.new:
        await connection.execute(
            "INSERT INTO rewards.standing (member, board_id, score_mg, code, alias)"
            " SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::int[], $5::int[])",
            *zip(*changes.new, strict=True),
        )
    sizes = [(board_id, change) for board_id, change in changes.members.items() if change]
    if sizes:
        await connection.execute(
            "UPDATE rewards.board b SET members = b.members + v.change"
            " FROM unnest($1::int[], $2::int[]) v(board_id, change) WHERE b.board_id = v.board_id",
            *zip(*sizes, strict=True),
        )


async def store_classes(session: AsyncSession, changes: Mapping[tuple[int, int], int]) -> None:
    """Change the numbers of scores by (board, class)."""
    connection = await driver(session)
    more = [(*key, change) for key, change in changes.items() if change > 0]
    less = [(*key, change) for key, change in changes.items() if change < 0]
    if less:
        await connection.execute(
            "UPDATE rewards.board_class c SET scores = c.scores + v.change"
            " FROM unnest($1::int[], $2::int[], $3::int[]) v(board_id, node, change)"
            " WHERE c.board_id = v.board_id AND c.node = v.node",
            *zip(*less, strict=True),
        )
    if more:
        await connection.execute(
            "INSERT INTO rewards.board_class AS c (board_id, node, scores)"
            " SELECT * FROM unnest($1::int[], $2::int[], $3::int[])"
            " ON CONFLICT (board_id, node) DO UPDATE SET scores = c.scores + EXCLUDED.scores",
            *zip(*more, strict=True),
        )


_SUMS_OF_GROUPS = """
SELECT v.group_id, b.period, b.starts_on, sum(s.score_mg)::bigint
FROM unnest($2::uuid[], $3::uuid[]) v(group_id, member)
JOIN rewards.standing s ON s.member = v.member
JOIN rewards.board b ON b.board_id = s.board_id AND b.generation = $1 AND b.kind = 'city'
GROUP BY 1, 2, 3"""


async def city_sums(
    session: AsyncSession, generation: int, pairs: Iterable[tuple[uuid.UUID, uuid.UUID]]
) -> dict[tuple[uuid.UUID, str, date], int]:
    """`pairs`: group, member. Return the sum of the members' scores in the city by (group, period, start)."""
    rows = sorted(pairs)
    if not rows:
        return {}
    found = await (await driver(session)).fetch(_SUMS_OF_GROUPS, generation, *zip(*rows, strict=True))
    return {(row[0], row[1], row[2]): row[3] for row in found}


# --- pages and ranks -----------------------------------------------------------------------------------------------

_BOARD = """(SELECT board_id FROM rewards.board WHERE is_live AND kind = :kind AND subject = :subject
    AND period = :period AND starts_on = :starts_on)"""


_MEMBERS = _BOARD.replace("SELECT board_id", "SELECT members")


def _sum_above(first: str, last: str) -> str:
    """SQL for the number of scores in the classes behind `first`, up to `last`."""
    return f"""coalesce((SELECT sum(c.scores) FROM rewards.board_class c
        WHERE c.board_id = x.board_id AND c.node > {first} AND c.node <= {last}), 0)"""


# `x` has board_id, score_mg and code. The last term counts within the class of the score, of which few scores are.
_RANK = f"""1 + {_sum_above("x.code >> 12", "63")}
    + {_sum_above("64 + (x.code >> 6)", "64 + (x.code >> 6 | 63)")}
    + {_sum_above("4160 + x.code", "4160 + (x.code | 63)")}
    + CASE WHEN x.code < 4096 THEN 0 ELSE (SELECT count(*) FROM rewards.standing s WHERE s.board_id = x.board_id
        AND s.score_mg > x.score_mg
        AND s.score_mg < ((4097 + (x.code & 4095))::bigint << ((x.code >> 12) - 1))) END"""

_PAGE = "SELECT board_id, member, score_mg, code, alias FROM rewards.standing WHERE board_id = {board} {after} {order}"
_PAGE_ORDER = "ORDER BY board_id DESC, score_mg DESC, alias DESC, member DESC LIMIT :limit"
_AFTER = "AND (score_mg, alias, member) < (:score_mg, :alias, CAST(:member AS uuid))"
# The first place is the first one. From there on, positions tell ranks.
_FIRST_PAGE = text(f"""
SELECT member, score_mg, alias, NULL AS rank, {_MEMBERS} AS members
FROM ({_PAGE.format(board=_BOARD, after="", order=_PAGE_ORDER)}) shown""")
# A page that begins among equal scores does not tell how many come before it. Then its second score is looked up too.
_NEXT_PAGE = text(f"""
WITH shown AS MATERIALIZED ({_PAGE.format(board=_BOARD, after=_AFTER, order=_PAGE_ORDER)}), ranked AS (
    SELECT x.score_mg, {_RANK} AS rank
    FROM (SELECT DISTINCT board_id, score_mg, code FROM shown ORDER BY score_mg DESC
        LIMIT CASE WHEN (SELECT max(score_mg) FROM shown) = :score_mg THEN 2 ELSE 1 END) x
)
SELECT shown.member, shown.score_mg, shown.alias, ranked.rank, {_MEMBERS} AS members
FROM shown LEFT JOIN ranked USING (score_mg) ORDER BY shown.score_mg DESC, shown.alias DESC, shown.member DESC""")
_MY_RANK = text(f"""
SELECT x.score_mg, x.alias, {_RANK} AS rank, {_MEMBERS} AS members
FROM (SELECT board_id, score_mg, code, alias FROM rewards.standing
    WHERE member = CAST(:member AS uuid) AND board_id = {_BOARD}) x""")
_SIZE = text(f"SELECT {_MEMBERS}")


async def page(
    database: Database, key: BoardKey, *, after: tuple[int, int, uuid.UUID] | None, limit: int
) -> Sequence[Any]:
    """Return (member, score_mg, alias, rank, members), best first.

    At most two different scores have a rank: see `domain.ranks_of`.
    """
    values: dict[str, Any] = {**key._asdict(), "limit": limit}
    if after is None:
        return await database.read_once(_FIRST_PAGE, values)
    return await database.read_once(_NEXT_PAGE, {**values, "score_mg": after[0], "alias": after[1], "member": after[2]})


async def rank_of(database: Database, key: BoardKey, member: uuid.UUID) -> Any | None:
    """Return (score_mg, alias, rank, members), None for who is not on the board."""
    rows = await database.read_once(_MY_RANK, {**key._asdict(), "member": member})
    return rows[0] if rows else None


async def size_of(database: Database, key: BoardKey) -> int:
    rows = await database.read_once(_SIZE, key._asdict())
    return int(rows[0][0] or 0)
