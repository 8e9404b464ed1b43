from fastapi import APIRouter, Request, Response

from services.accounts.live_citizen import LiveCitizen
from services.accounts.resources import RequestResources
from services.accounts.steps import service
from services.accounts.steps.schemas import StepsIn, StepsOut
from services.accounts.turns import turn_key

router = APIRouter(prefix="/api/v1/accounts", tags=["我 Me"])


@router.post("/me/steps", summary="上报微信步数 · Report my WeChat steps")
async def report_steps(
    body: StepsIn, citizen: LiveCitizen, resources: RequestResources, request: Request, response: Response
) -> StepsOut:
    """先 wx.login，再 wx.getWeRunData，然后一起提交。需要同意 health_steps；只上报同意之后、已经过完的日子。
    应答 WX_LOG_IN_AGAIN 时，请重新 wx.login 并重新读取步数。是否计入减碳量由步行方法学决定。

    First wx.login, then wx.getWeRunData, then this. Needs consent to health_steps; only days that began after it and
    are over are reported. After WX_LOG_IN_AGAIN log in and read the steps anew. A methodology decides their worth.
    """
    days = await service.report_steps(
        resources.database,
        service.Ports(
            settings=resources.settings,
            vault=resources.vault,
            wechat=resources.wechat,
            ingest=resources.ingest,
            calls=resources.log_in_calls,
            gate=resources.log_in_gate,
        ),
        user_id=citizen.user_id,
        turn=turn_key(request, resources),
        given=service.EncryptedSteps(body.code, body.encrypted_data, body.iv),
    )
    response.headers["Cache-Control"] = "no-store"
    return StepsOut.of(days)
