"""Routes of rankings: a page of a board, and my rank. For citizens: whoever looks has a token."""

import uuid
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from services.rewards.rankings import service
from services.rewards.rankings.domain import BoardKey, BoardKind, Period, Span, span_before, span_of
from services.rewards.rankings.schemas import BoardView, MyRankView, RankingPage, Scope, Which, line_of
from services.rewards.sentences import recognition as sentences
from services.rewards.slugs import SLUG_PATTERN
from shared import clock
from shared.auth.tokens import Citizen
from shared.db import RequestDatabase
from shared.errors import FieldError, InvalidRequest
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor

router = APIRouter(prefix="/api/v1/rewards", tags=["荣誉 Recognition"])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The board that the query names, and the members of it that are the caller."""

    scope: Scope
    kind: BoardKind
    key: BoardKey
    span: Span
    mine: frozenset[uuid.UUID]


async def _choose(
    request: Request,
    citizen: Citizen,
    database: RequestDatabase,
    scope: Annotated[Scope, Query(description="榜的范围 What is ranked")] = Scope.CITY,
    period: Annotated[Period, Query(description="周、月或全部 Week, month or all time")] = Period.WEEK,
    which: Annotated[Which, Query(description="本期或上期 This week or month, or the one before")] = Which.CURRENT,
    district: Annotated[
        str | None, Query(pattern=SLUG_PATTERN, description="区的代码，缺省为我选的区 Default: the one I chose")
    ] = None,
    campaign_id: Annotated[str | None, Query(pattern=SLUG_PATTERN, description="公益活动 For scope=campaign")] = None,
) -> Chosen:
    """Raises DistrictNotChosen, InvalidRequest."""
    kind = BoardKind.DISTRICT if scope is Scope.COMMUNITY else BoardKind(scope.value)
    if kind is BoardKind.CAMPAIGN and campaign_id is None:
        raise InvalidRequest(field_errors=[FieldError("query.campaign_id", "MISSING", sentences.CAMPAIGN_NEEDED)])
    subject = {BoardKind.DISTRICT: district, BoardKind.CAMPAIGN: campaign_id}.get(kind)
    span = span_of(period, clock.local_date(clock.now(), request.app.state.time_zone))
    if which is Which.PREVIOUS:
        span = span_before(span)
    account_id = citizen.account_id
    key = await service.choose_board(database, kind=kind, subject=subject, span=span, account_id=account_id)
    mine = await service.members_of(database, kind=kind, account_id=account_id)
    return Chosen(scope, kind, key, span, frozenset(mine))


Board = Annotated[Chosen, Depends(_choose)]


@router.get("/rankings", summary="排行榜 · A ranking")
async def list_rankings(
    database: RequestDatabase,
    language: AskedLanguage,
    board: Board,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> RankingPage:
    """只显示参加者的代号。翻页时用同样的参数。Shows pseudonyms of participants. Keep the parameters with a cursor."""
    position = decode_cursor(cursor, int, int, uuid.UUID)
    after = None if position is None else (position[0], position[1], position[2])
    lines, members = await service.read_page(database, board=board.key, after=after, limit=limit + 1)
    last = lines[limit - 1] if len(lines) > limit else None
    return RankingPage(
        board=BoardView.of(board.scope, board.key.subject, board.span, members, language),
        items=[line_of(one, is_mine=one.member in board.mine, language=language) for one in lines[:limit]],
        next_cursor=None if last is None else encode_cursor(last.score_mg, last.alias, last.member),
        has_more=last is not None,
    )


@router.get("/me/rank", summary="我的名次 · My rank")
async def get_my_rank(database: RequestDatabase, language: AskedLanguage, board: Board) -> MyRankView:
    """没有参加，或本期还没有减碳量时，`rank` 为空。`rank` is null for who is not on the board."""
    mine = await service.read_rank(database, board=board.key, members=board.mine)
    return MyRankView.of(
        BoardView.of(board.scope, board.key.subject, board.span, mine.members, language), mine, language
    )
