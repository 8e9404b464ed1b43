"""The route of what a citizen can still earn."""

from fastapi import APIRouter, Request

from services.accounting.allowances import service
from services.accounting.allowances.schemas import Allowances, CapAllowance, SceneAllowance
from services.accounting.explaining.schemas import MethodologyRef
from services.accounting.methodologies.dependencies import Index
from shared import clock
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import Bilingual
from shared.settings import ServiceSettings

router = APIRouter(prefix="/api/v1/accounting", tags=["减碳记录 Activities"])


@router.get("/me/allowances", summary="今天和本月还能累计多少 · What is left to earn")
async def get_allowances(session: Session, citizen: Citizen, request: Request, index: Index) -> Allowances:
    settings: ServiceSettings = request.app.state.settings
    now, time_zone = clock.now(), settings.time_zone
    found = await service.list_allowances(session, index, account_id=citizen.account_id, now=now, time_zone=time_zone)
    return Allowances(today=clock.local_date(now, time_zone), items=[_item(one) for one in found])


def _item(allowance: service.Allowance) -> SceneAllowance:
    version, document = allowance.version, allowance.version.document
    return SceneAllowance(
        scene=document.scene,
        title=Bilingual.model_validate(document.title),
        methodology=MethodologyRef(code=version.code, version=version.version),
        caps=[
            CapAllowance.model_validate(
                {
                    "cap_id": state.cap.id,
                    "period": state.cap.period,
                    "period_start": state.period_start,
                    "measure": state.cap.measure,
                    "per": state.cap.per,
                    "shared": state.shared,
                    "limit": state.cap.limit,
                    "used": state.used,
                    "left": state.left,
                }
            )
            for state in allowance.caps
        ],
    )
