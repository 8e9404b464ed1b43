"""The route that tells a partner who it is."""

from fastapi import APIRouter

from services.ingest.deliveries import service as deliveries
from services.ingest.deliveries.schemas import Endpoint
from services.ingest.profile.schemas import PartnerProfile
from services.ingest.signed import Callers, IdentifiedBy
from shared import clock
from shared.db import Session

router = APIRouter(prefix="/api/v1/ingest", tags=["事件接入 Events"])


@router.get("/partner", summary="我是谁：登记、密钥、限额、回执地址 · Who am I: registration, keys, limits, webhook")
async def get_own_registration(caller: IdentifiedBy, ports: Callers, session: Session) -> PartnerProfile:
    """先用它试签名。正式合作方的沙箱密钥只看到沙箱密钥，看不到正式环境的回执地址。

    A good first call to try a signature with. A sandbox key of a live partner sees the sandbox keys only, and not the
    webhook of the live data.
    """
    partner, registry = caller.partner, ports.checks.registry
    is_own = partner.environment == registry.partner(partner.partner_id).environment
    keys = [key for key in registry.keys_of(partner.partner_id) if is_own or key.environment == partner.environment]
    row = await deliveries.find_endpoint(session, partner_id=partner.partner_id) if is_own else None
    webhook = Endpoint.of(row) if row is not None else None
    return PartnerProfile.of(caller, keys, ports.limits.quotas(partner), webhook, clock.now())
