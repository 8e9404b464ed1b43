"""Routes of mandates: terms by platforms, mandates by citizens."""

import uuid
from typing import Any

from fastapi import APIRouter, Response

from services.accounts.live_citizen import LiveCitizen
from services.accounts.mandates import service, terms
from services.accounts.mandates.schemas import MandateIn, MandateOut, TermsEndIn, TermsIn, TermsOut, TermsTextOut
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts", tags=["归集委托 Mandates"])
_PLATFORM = "/enterprises/{enterprise_id}/mandate-terms"

_SAME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": MandateOut, "description": "同样的委托已经有效 The same mandate is valid already"}
}


@router.get("/me/mandates", summary="我的归集委托 · My mandates, newest first")
async def list_mandates(
    citizen: Citizen, session: Session, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[MandateOut]:
    rows = await service.list_mine(
        session, user_id=citizen.user_id, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=MandateOut.of, cursor=lambda row: (row.mandate_id,))


@router.post("/me/mandates", status_code=201, responses=_SAME_AGAIN, summary="委托平台归集 · Give a platform a mandate")
async def accept_mandate(
    body: MandateIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> MandateOut:
    """此后的行为才归集，此前的不变。Acts from now on are pooled, none from before. It can be ended at any time."""
    view, is_new = await service.accept(
        session,
        settings=resources.settings,
        user_id=citizen.user_id,
        platform_id=body.platform_id,
        kind=body.kind,
        scenes=body.scenes,
        terms_version=body.terms_version,
        terms_sha256=body.terms_sha256,
    )
    if not is_new:
        response.status_code = 200
    return MandateOut.of(view)


@router.delete("/me/mandates/{mandate_id}", status_code=204, summary="终止委托 · End a mandate at once")
async def end_mandate(
    mandate_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> None:
    """即时生效，此前已归集的不变。Takes effect at once; acts that were pooled before stay."""
    await service.end(session, settings=resources.settings, user_id=citizen.user_id, mandate_id=mandate_id)


@router.get("/mandate-terms", summary="各平台现行的归集条款 · Current terms of the platforms")
async def list_current_terms(
    _citizen: Citizen,
    session: Session,
    platform_id: uuid.UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[TermsOut]:
    rows = await terms.list_current(
        session, platform_id=platform_id, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=TermsOut.of, cursor=lambda row: (row.terms_id,))


@router.get("/mandate-terms/{terms_id}", summary="归集条款全文 · The text of terms")
async def get_terms(terms_id: uuid.UUID, _citizen: Citizen, session: Session) -> TermsTextOut:
    return TermsTextOut.of(await terms.read(session, terms_id=terms_id))


@router.get(_PLATFORM, summary="本平台的归集条款 · Terms of my platform, with drafts")
async def list_platform_terms(
    enterprise_id: uuid.UUID,
    citizen: Citizen,
    session: Session,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[TermsOut]:
    rows = await terms.list_of_platform(
        session,
        user_id=citizen.user_id,
        platform_id=enterprise_id,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page.of(rows, limit, item=TermsOut.of, cursor=lambda row: (row.terms_id,))


@router.post(_PLATFORM, status_code=201, summary="起草归集条款 · Write terms, as a maker")
async def write_terms(enterprise_id: uuid.UUID, body: TermsIn, citizen: LiveCitizen, session: Session) -> TermsTextOut:
    view = await terms.write(
        session,
        user_id=citizen.user_id,
        platform_id=enterprise_id,
        kind=body.kind,
        scenes=body.scenes,
        terms_version=body.terms_version,
        text=body.text,
        valid_days=body.valid_days,
        threshold_mg=body.threshold_mg,
    )
    return TermsTextOut.of(view)


@router.post(f"{_PLATFORM}/{{terms_id}}/publish", summary="复核并发布条款 · Publish terms, as a checker")
async def publish_terms(
    enterprise_id: uuid.UUID, terms_id: uuid.UUID, citizen: LiveCitizen, session: Session
) -> TermsOut:
    """须由起草人以外的复核人发布；正文此后不变。By a checker who did not write them. The text never changes."""
    view = await terms.publish(session, user_id=citizen.user_id, platform_id=enterprise_id, terms_id=terms_id)
    return TermsOut.of(view)


@router.post(f"{_PLATFORM}/{{terms_id}}/end", summary="停用条款，提前告知 · End terms with notice")
async def end_terms(
    enterprise_id: uuid.UUID, terms_id: uuid.UUID, body: TermsEndIn, citizen: LiveCitizen, session: Session
) -> TermsOut:
    """即日起不再接受新的委托，现有委托到期终止。No new mandates from now on; the present ones end then."""
    view = await terms.end(
        session, user_id=citizen.user_id, platform_id=enterprise_id, terms_id=terms_id, ends_at=body.ends_at
    )
    return TermsOut.of(view)
