"""The route of operators on which they propose to correct an age. `/ops/approvals` decides."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from services.accounts.approvals.schemas import ProposalOut
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.wards import correcting
from services.accounts.wards.schemas import AgeCorrectionIn
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts/ops/people", tags=["运营 Operators"])

ServiceDesk = Annotated[Operator, Depends(require_live_operator(correcting.SCOPE))]


@router.post("/{user_id}/correct-age", status_code=202, summary="提议更正年龄，须两人 · Propose to correct an age")
async def propose_age_correction(
    user_id: uuid.UUID, body: AgeCorrectionIn, operator: ServiceDesk, session: Session, approvals: RequestApprovals
) -> ProposalOut:
    """成年人误报未满 14 周岁时使用；编号在本人的“我的”里。批准后声明删除，监护人代作的同意一并撤回，由本人重新同意。

    For an adult who said to be under 14 by mistake; the person's profile shows the id. The approval deletes the
    declaration and withdraws what a guardian consented to. The person consents anew.
    """
    proposal = await correcting.propose(session, approvals, user_id=user_id, reason=body.reason, operator=operator)
    return ProposalOut.of(proposal)
