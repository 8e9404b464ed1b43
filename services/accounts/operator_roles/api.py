"""Routes: what roles allow, and proposals to give or take one. `/ops/approvals` decides them."""

from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Path

from services.accounts.approvals.schemas import ProposalOut
from services.accounts.operator_accounts.domain import GIVING_SCOPE, ROLES, RoleName
from services.accounts.operator_roles import service
from services.accounts.operator_roles.schemas import RoleChangeIn, RoleOut
from services.accounts.operator_sessions.live_operator import require_live_operator
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts/ops", tags=["运营登录 Operators' log-in"])

Reader = Annotated[Operator, Depends(require_live_operator("ops:read"))]
Giver = Annotated[Operator, Depends(require_live_operator(GIVING_SCOPE))]
Subject = Annotated[str, Path(max_length=255, pattern=r"^[\x21-\x7e]+$", examples=["local:li.wei"])]


@router.get("/roles", summary="角色与权限 · Roles and what they allow")
async def list_roles(_operator: Reader) -> list[RoleOut]:
    return [RoleOut(role=role, scopes=sorted(ROLES[role])) for role in get_args(RoleName)]


@router.post("/operators/{subject}/give-role", status_code=202, summary="提议授予角色，须两人 · Propose to give a role")
async def propose_to_give_role(
    subject: Subject, body: RoleChangeIn, operator: Giver, session: Session, approvals: RequestApprovals
) -> ProposalOut:
    """由另一位管理员在 `/ops/approvals` 批准，本人不能提议或批准；下一次换取令牌时生效，最迟 5 分钟。

    Another administrator approves it, never the operator concerned. It is in the next access token, within 5 minutes.
    """
    proposal = await service.propose(
        session,
        approvals,
        kind=service.GIVE,
        subject=subject,
        role=body.role,
        reason=body.reason,
        operator=operator,
    )
    return ProposalOut.of(proposal)


@router.post(
    "/operators/{subject}/take-role", status_code=202, summary="提议收回角色，须两人 · Propose to take a role away"
)
async def propose_to_take_role(
    subject: Subject, body: RoleChangeIn, operator: Giver, session: Session, approvals: RequestApprovals
) -> ProposalOut:
    """批准时结束其全部登录，其他服务最迟在 5 分钟后拒绝其令牌。至少留两位能授予角色的人。

    The approval ends all sessions of the operator; other services refuse the tokens within 5 minutes. Two operators
    who give roles must remain.
    """
    proposal = await service.propose(
        session,
        approvals,
        kind=service.TAKE,
        subject=subject,
        role=body.role,
        reason=body.reason,
        operator=operator,
    )
    return ProposalOut.of(proposal)
