"""People under 14 and their guardians: the child shows a code, the guardian scans it and decides about consents."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.accounts.consents.schemas import ConsentChangeOut, ConsentOut, ConsentsOut
from services.accounts.guardians import service as guardians
from services.accounts.live_citizen import LiveCitizen
from services.accounts.people import service as people
from services.accounts.policies.schemas import PurposeName
from services.accounts.resources import RequestResources
from services.accounts.wards import service
from services.accounts.wards.schemas import GuardianCodeOut, WardConsentIn, WardIn, WardOut, WardsOut
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts/me", tags=["监护 Guardians"])

_SAME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": WardOut, "description": "您已是监护人 You are the guardian already"}
}


@router.post("/guardian/invitations", status_code=201, summary="出示监护码 · Show a code to a guardian")
async def create_guardian_code(
    citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> GuardianCodeOut:
    """未满 14 周岁的用户出示，仅可使用一次，15 分钟内有效。For people under 14; works once within 15 minutes."""
    code = await guardians.issue_code(session, settings=resources.settings, user_id=citizen.user_id)
    response.headers["Cache-Control"] = "no-store"
    return GuardianCodeOut.of(code)


@router.post("/wards", status_code=201, responses=_SAME_AGAIN, summary="成为监护人 · Become a guardian")
async def accept_ward(
    body: WardIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> WardOut:
    """扫描孩子出示的监护码，并代为同意个人信息处理。Scan the child's code and consent to data processing."""
    accepted = await service.accept_ward(
        session,
        settings=resources.settings,
        guardian_id=citizen.user_id,
        token=body.code,
        policy_version=body.consent.policy_version,
        birth_month=body.birth_month,
    )
    if not accepted.is_new:
        response.status_code = 200
    return WardOut.of(accepted.ward)


@router.get("/wards", summary="我监护的孩子 · The children I am the guardian of")
async def list_wards(citizen: Citizen, session: Session, resources: RequestResources) -> WardsOut:
    found = await guardians.list_wards(session, settings=resources.settings, guardian_id=citizen.user_id)
    return WardsOut.of(found)


@router.delete("/wards/{ward_id}", status_code=204, summary="解除监护 · End the guardianship")
async def end_guardianship(
    ward_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> None:
    """孩子的各项同意随之撤回，直到另一位监护人同意。The child's consents end with it."""
    await service.end_guardianship(session, settings=resources.settings, guardian_id=citizen.user_id, ward_id=ward_id)


@router.get("/wards/{ward_id}/consents", summary="孩子的同意记录 · The child's consents")
async def list_ward_consents(
    ward_id: uuid.UUID, citizen: Citizen, session: Session, resources: RequestResources
) -> ConsentsOut:
    records = await service.list_consents(
        session, settings=resources.settings, guardian_id=citizen.user_id, ward_id=ward_id
    )
    return ConsentsOut.of(records)


@router.get("/wards/{ward_id}/consents/history", summary="孩子同意的每次变更 · Every change of the child's consents")
async def list_ward_consent_changes(
    ward_id: uuid.UUID,
    citizen: Citizen,
    session: Session,
    resources: RequestResources,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ConsentChangeOut]:
    rows = await service.list_changes(
        session,
        settings=resources.settings,
        guardian_id=citizen.user_id,
        ward_id=ward_id,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page.of(rows, limit, item=ConsentChangeOut.of, cursor=lambda row: (row.change_id,))


@router.post("/wards/{ward_id}/consents", status_code=201, summary="代孩子同意 · Consent for the child")
async def give_ward_consent(
    ward_id: uuid.UUID, body: WardConsentIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> ConsentOut:
    await people.require_known(resources.partners, purpose=body.purpose)
    record = await service.give_consent(
        session,
        settings=resources.settings,
        guardian_id=citizen.user_id,
        ward_id=ward_id,
        purpose=body.purpose,
        policy_version=body.policy_version,
    )
    return ConsentOut.of(record)


@router.delete("/wards/{ward_id}/consents", status_code=204, summary="撤回孩子的同意 · Withdraw a consent of the child")
async def withdraw_ward_consent(
    ward_id: uuid.UUID,
    purpose: Annotated[PurposeName, Query(description="要撤回的同意事项 The purpose to withdraw")],
    citizen: LiveCitizen,
    session: Session,
    resources: RequestResources,
) -> None:
    await service.withdraw_consent(
        session, settings=resources.settings, guardian_id=citizen.user_id, ward_id=ward_id, purpose=purpose
    )
