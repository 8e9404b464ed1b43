import uuid
from typing import Any

from fastapi import APIRouter, Response

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.enterprise_members import service
from services.accounts.enterprise_members.schemas import (
    ApplicationOut,
    EnterpriseDetailOut,
    EnterpriseIn,
    MemberIn,
    MemberOut,
    MembersOut,
    MyEnterprisesOut,
)
from services.accounts.enterprises.schemas import EnterpriseOut
from services.accounts.enterprises.service import Contact
from services.accounts.live_citizen import LiveCitizen, SteppedUpCitizen
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts", tags=["企业 Enterprises"])

_CHANGED: dict[int | str, dict[str, Any]] = {
    200: {"model": MemberOut, "description": "原有成员或邀请，角色已更新 A member or invitation; the roles are changed"}
}


@router.post("/enterprises", status_code=202, summary="申请企业碳账户 · Apply for an enterprise account")
async def apply_for_enterprise(
    body: EnterpriseIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> ApplicationOut:
    """申请人成为管理员；由两位运营人员核准。The applicant becomes its administrator. Two operators approve it."""
    view = await service.apply_for_enterprise(
        session,
        vault=resources.vault,
        user_id=citizen.user_id,
        uscc=body.uscc,
        name=body.name,
        kinds=set(body.kinds),
        contact=Contact(body.contact.name, body.contact.phone),
    )
    return ApplicationOut(enterprise_id=view.enterprise_id, status=view.status)


@router.get("/me/enterprises", summary="我的企业与邀请 · My enterprises and invitations")
async def list_my_enterprises(citizen: Citizen, session: Session) -> MyEnterprisesOut:
    return MyEnterprisesOut.of(await service.list_mine(session, user_id=citizen.user_id))


@router.post("/me/enterprises/{enterprise_id}/accept", status_code=204, summary="接受邀请 · Accept an invitation")
async def accept_membership(
    enterprise_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> None:
    await service.accept(session, settings=resources.settings, user_id=citizen.user_id, enterprise_id=enterprise_id)


@router.delete("/me/enterprises/{enterprise_id}", status_code=204, summary="退出或谢绝 · Leave or decline")
async def leave_enterprise(
    enterprise_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> None:
    """最后一位管理员不能退出。The last administrator cannot leave."""
    await service.leave(session, settings=resources.settings, user_id=citizen.user_id, enterprise_id=enterprise_id)


@router.get("/enterprises/{enterprise_id}", summary="企业 · An enterprise, for its members")
async def get_enterprise(enterprise_id: uuid.UUID, citizen: Citizen, session: Session) -> EnterpriseDetailOut:
    view = await service.require_role(session, enterprise_id=enterprise_id, user_id=citizen.user_id)
    account = await carbon_accounts.find_enterprise_account(session, enterprise_id=enterprise_id)
    roles = await service.roles_of(session, enterprise_id=enterprise_id, user_id=citizen.user_id)
    return EnterpriseDetailOut(
        **EnterpriseOut.of(view).model_dump(),
        account_no=account.account_no if account else None,
        my_roles=list(roles),
    )


@router.get("/enterprises/{enterprise_id}/members", summary="成员 · Members and open invitations")
async def list_enterprise_members(
    enterprise_id: uuid.UUID, citizen: Citizen, session: Session, resources: RequestResources
) -> MembersOut:
    views = await service.list_members(
        session, vault=resources.vault, enterprise_id=enterprise_id, user_id=citizen.user_id
    )
    return MembersOut.of(views)


@router.post(
    "/enterprises/{enterprise_id}/members",
    status_code=201,
    responses=_CHANGED,
    summary="邀请成员或更改角色 · Invite a member, or change roles",
)
async def add_enterprise_member(
    enterprise_id: uuid.UUID,
    body: MemberIn,
    citizen: SteppedUpCitizen,
    session: Session,
    resources: RequestResources,
    response: Response,
) -> MemberOut:
    """仅管理员，须先再次确认身份。对方 14 天内接受后才成为成员；已是成员的，角色即时更改。

    For administrators, after a step-up. The person becomes a member by accepting within 14 days.
    Roles of members change at once.
    """
    view, is_new = await service.invite(
        session,
        settings=resources.settings,
        vault=resources.vault,
        user_id=citizen.user_id,
        enterprise_id=enterprise_id,
        account_no=body.account_no,
        roles=set(body.roles),
        name=body.name,
    )
    if not is_new:
        response.status_code = 200
    return MemberOut.of(view)


@router.delete(
    "/enterprises/{enterprise_id}/members/{membership_id}", status_code=204, summary="移除成员 · Remove a member"
)
async def remove_enterprise_member(
    enterprise_id: uuid.UUID,
    membership_id: uuid.UUID,
    citizen: LiveCitizen,
    session: Session,
    resources: RequestResources,
) -> None:
    """仅管理员，即时生效。For administrators; takes effect at once."""
    await service.remove(
        session,
        settings=resources.settings,
        user_id=citizen.user_id,
        enterprise_id=enterprise_id,
        membership_id=membership_id,
    )
