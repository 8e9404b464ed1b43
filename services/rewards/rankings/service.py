"""Use cases of rankings: bring places up to date, show a page of a board, and the rank of one member."""

import hashlib
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.rewards.memberships import service as memberships
from services.rewards.memberships.domain import Group
from services.rewards.participants import service as participants
from services.rewards.participants.data import pseudonyms
from services.rewards.participants.domain import Participant
from services.rewards.rankings import repository
from services.rewards.rankings.domain import (
    BoardKey,
    BoardKind,
    Place,
    Score,
    Span,
    changes_between,
    class_changes,
    code_of,
    open_spans,
    ranks_of,
)
from services.rewards.rankings.errors import DistrictNotChosen
from services.rewards.recognition import service as recognition
from shared.db import Database, Session

_PLACES_DELETED_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Generation:
    """The sums to read and the boards to write."""

    number: int
    is_live: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A place as a page shows it."""

    rank: int
    member: uuid.UUID
    score_mg: int
    alias: int


@dataclass(frozen=True, slots=True)
class MyRank:
    """`rank` None: not on the board. `members`: how many are on it."""

    rank: int | None
    score_mg: int
    members: int


async def refresh_people(
    session: Session, *, account_ids: Collection[uuid.UUID], generation: Generation, today: date
) -> None:
    """Give these people the places of what they earned and donated; none to those who do not take part.

    The caller is the only refresher.
    """
    active = await participants.taking_part(session, account_ids=account_ids)
    spans = open_spans(today)
    earned = await recognition.earned_in(
        session, account_ids=active, spans=[(one.starts_on, one.ends_on) for one in spans], generation=generation.number
    )
    donated = await recognition.donated_in(
        session, account_ids=active, spans=[(one.starts_on, one.ends_on) for one in spans]
    )
    scores = list(_scores(earned, active, spans))
    scores += [
        Score(BoardKey(BoardKind.CAMPAIGN, campaign, *span[:2]), account_id, amount_mg, active[account_id].pseudonym)
        for (account_id, campaign), amounts in donated.items()
        for span, amount_mg in zip(spans, amounts, strict=True)
    ]
    await set_scores(session, members=account_ids, scores=scores, generation=generation)


def _scores(
    earned: Mapping[uuid.UUID, Sequence[int]], active: Mapping[uuid.UUID, Participant], spans: Sequence[Span]
) -> Iterator[Score]:
    """Yield the scores in the city and in the district of each person."""
    city = [BoardKey(BoardKind.CITY, "", *span[:2]) for span in spans]
    districts: dict[str, list[BoardKey]] = {}
    for account_id, amounts in earned.items():
        who = active[account_id]
        for key, amount_mg in zip(city, amounts, strict=True):
            yield Score(key, account_id, amount_mg, who.pseudonym)
        if who.district is not None:
            keys = districts.get(who.district)
            if keys is None:
                keys = districts[who.district] = [
                    BoardKey(BoardKind.DISTRICT, who.district, *span[:2]) for span in spans
                ]
            for key, amount_mg in zip(keys, amounts, strict=True):
                yield Score(key, account_id, amount_mg, who.pseudonym)


async def refresh_groups(
    session: Session, *, groups: Mapping[uuid.UUID, Group], generation: Generation, today: date
) -> None:
    """Give groups the places of what their members have now, and their own accounts. People are refreshed before.

    Members who take part count. A household is on a board only if all its members take part.
    """
    members = {account_id for group in groups.values() for account_id in group.members}
    active = await participants.taking_part(session, account_ids=members)
    shown = [group for group in groups.values() if _is_shown(group, active)]
    spans = open_spans(today)
    earned = await recognition.earned_in(
        session,
        account_ids={group.account_id for group in shown},
        spans=[(one.starts_on, one.ends_on) for one in spans],
        generation=generation.number,
    )
    sums = await repository.city_sums(
        session,
        generation.number,
        [(group.group_id, member) for group in shown for member in group.members if member in active],
    )
    scores = [
        Score(
            BoardKey(group.kind, "", span.period, span.starts_on),
            group.group_id,
            amount_mg + sums.get((group.group_id, span.period, span.starts_on), 0),
            alias_of_group(group.group_id),
        )
        for group in shown
        for span, amount_mg in zip(spans, earned.get(group.account_id, [0] * len(spans)), strict=True)
    ]
    await set_scores(session, members=groups, scores=scores, generation=generation)


def _is_shown(group: Group, active: Collection[uuid.UUID]) -> bool:
    if not group.is_active or not group.members:
        return False
    taking_part = [one for one in group.members if one in active]
    return bool(taking_part) and (group.kind != "household" or len(taking_part) == len(group.members))


def alias_of_group(group_id: uuid.UUID) -> int:
    """Return the pseudonym of a household or an enterprise, which it does not choose."""
    return pseudonyms().number_of(int.from_bytes(hashlib.sha256(group_id.bytes).digest()[:8]))


async def set_scores(
    session: Session, *, members: Collection[uuid.UUID], scores: Sequence[Score], generation: Generation
) -> None:
    """Give these members exactly these scores, on all boards. A score of 0 is no place.

    Every kind of board comes through here. A kind needs its name in `BoardKind`, members whose ids no other kind has,
    and a caller that gives all scores of a member at once.
    """
    if not members:
        return
    scores = [one for one in scores if one.score_mg > 0]
    boards = await repository.board_ids(
        session, generation.number, {one.board for one in scores}, is_live=generation.is_live
    )
    stored = await repository.places_of(session, generation.number, sorted(members))
    wanted = [Place(one.member, boards[one.board], one.score_mg, code_of(one.score_mg), one.alias) for one in scores]
    changes = changes_between(stored, wanted)
    await repository.store(session, changes)
    await repository.store_classes(session, class_changes(changes.codes))


async def choose_board(
    database: Database, *, kind: BoardKind, subject: str | None, span: Span, account_id: uuid.UUID
) -> BoardKey:
    """Return the board that a citizen asks for. Without a district it is the one that the citizen chose.

    Raises DistrictNotChosen.
    """
    if kind is BoardKind.DISTRICT and subject is None:
        async with database.transaction() as session:
            mine = await participants.get_participation(session, account_id=account_id)
        subject = None if mine is None else mine.district
        if subject is None:
            raise DistrictNotChosen
    return BoardKey(kind, subject or "", span.period, span.starts_on)


async def members_of(database: Database, *, kind: BoardKind, account_id: uuid.UUID) -> set[uuid.UUID]:
    """Return the members of such boards that are this citizen, or groups of the citizen."""
    if kind not in {BoardKind.HOUSEHOLD, BoardKind.ENTERPRISE}:
        return {account_id}
    async with database.transaction() as session:
        group_ids = await memberships.groups_of(session, account_ids=[account_id])
        groups = await memberships.find_groups(session, group_ids=group_ids)
    return {group.group_id for group in groups.values() if group.kind == kind.value}


async def read_page(
    database: Database, *, board: BoardKey, after: tuple[int, int, uuid.UUID] | None, limit: int
) -> tuple[list[Line], int]:
    """Return places after a position, best first, and the number of places on the board."""
    rows = await repository.page(database, board, after=after, limit=limit)
    if not rows:
        return [], await repository.size_of(database, board)
    ranks = ranks_of([row.score_mg for row in rows], {row.score_mg: row.rank for row in rows if row.rank is not None})
    lines = [Line(int(rank), row.member, row.score_mg, row.alias) for rank, row in zip(ranks, rows, strict=True)]
    return lines, rows[0].members


async def read_rank(database: Database, *, board: BoardKey, members: Collection[uuid.UUID]) -> MyRank:
    """Return the best rank of these members, of whom few are on the board."""
    found = [await repository.rank_of(database, board, one) for one in sorted(members)]
    rows = [row for row in found if row is not None]
    if not rows:
        return MyRank(None, 0, await repository.size_of(database, board))
    best = min(rows, key=lambda row: int(row.rank))
    return MyRank(int(best.rank), best.score_mg, best.members)


async def make_live(session: Session, *, generation: int) -> None:
    """Show the boards of this generation. The caller is the only refresher."""
    await repository.make_live(session, generation)


async def delete_old_boards(session: Session, *, today: date, generations: Collection[int]) -> int:
    """Delete places of boards that are over, a bounded number. Return how many. The caller is the only refresher."""
    spans = [(one.period.value, one.starts_on) for one in open_spans(today)]
    left = _PLACES_DELETED_MAX
    for board_id in await repository.old_boards(session, spans, generations):
        left -= await repository.delete_places(session, board_id, left)
        if left <= 0:
            break
    return _PLACES_DELETED_MAX - left
