"""Partners of the local programme: the seed for ingest, and the credentials for a client."""

from dataclasses import dataclass
from typing import Any

from deploy.local.secrets_file import SECOND_OPERATOR, Secrets

ALGORITHM = "CP1-HMAC-SHA256"
WUHAN = "420100"
# A year, because demos and load runs report acts of past months. A real partner has days.
LATE_WINDOW_S = 366 * 86_400
BINDING_MODES = ("account_no", "token", "phone_hash")
WECHAT_CODE_PREFIX = "dev:"

TRIP = "cn.carboninclusion.trip.completed.v1"
TRANSIT = "cn.carboninclusion.transit.ridden.v1"
RECYCLING = "cn.carboninclusion.recycling.deposited.v1"
BAG = "cn.carboninclusion.bag.reused.v1"
ENERGY = "cn.carboninclusion.energy.saved.v1"
CORRECTIONS = ("cn.carboninclusion.event.corrected.v1", "cn.carboninclusion.event.cancelled.v1")


@dataclass(frozen=True)
class Partner:
    """A partner without its key, which comes from the secrets."""

    partner_id: str
    name: str
    name_en: str
    scenes: tuple[str, ...]
    acts: tuple[str, ...]
    environment: str = "live"

    @property
    def source(self) -> str:
        """CloudEvents `source`. The domain `.example` is reserved."""
        return f"https://{self.partner_id}.example/events"


PARTNERS = (
    Partner("t3", "T3出行", "T3 Mobility", ("ev_ride",), (TRIP,)),
    Partner("metro", "武汉地铁", "Wuhan Metro", ("metro",), (TRANSIT,)),
    Partner("bus", "武汉公交", "Wuhan Bus", ("bus",), (TRANSIT,)),
    Partner("bike", "共享单车", "Shared Bikes", ("bike",), (TRIP,)),
    Partner("market", "超市", "Supermarket", ("own_bag",), (BAG,)),
    Partner("recycle", "爱回收·爱分类", "Aihuishou Recycling", ("recycling",), (RECYCLING,)),
    Partner("grid", "电网", "Power Grid", ("power_saving",), (ENERGY,)),
    Partner(
        "sandbox",
        "沙箱",
        "Sandbox",
        ("ev_ride", "metro", "bus", "bike", "own_bag", "recycling", "power_saving"),
        (TRIP, TRANSIT, RECYCLING, BAG, ENERGY),
        environment="sandbox",
    ),
)
PARTNER_ENVIRONMENTS = {partner.partner_id: partner.environment for partner in PARTNERS}


def ingest_seed(secrets: Secrets) -> list[dict[str, Any]]:
    """Return the input of `python -m services.ingest.seed`."""
    seed = []
    for partner in PARTNERS:
        app_key, secret = secrets.partner_key(partner.partner_id)
        seed.append(
            {
                "partner_id": partner.partner_id,
                "name": partner.name,
                "name_en": partner.name_en,
                "source": partner.source,
                "scenes": list(partner.scenes),
                "event_types": [*partner.acts, *CORRECTIONS],
                "cities": [WUHAN],
                "late_window_s": LATE_WINDOW_S,
                "binding_modes": list(BINDING_MODES),
                "environment": partner.environment,
                "keys": [{"app_key": app_key, "algorithm": ALGORITHM, "secret": secret}],
            }
        )
    return seed


def credentials(secrets: Secrets, gateway_url: str) -> dict[str, Any]:
    """Return the content of `.run/credentials.json`, everything a client of the local stack needs."""
    partners = []
    for partner in PARTNERS:
        app_key, secret = secrets.partner_key(partner.partner_id)
        partners.append(
            {
                "partner_id": partner.partner_id,
                "name": partner.name,
                "source": partner.source,
                "app_key": app_key,
                "secret": secret,
                "algorithm": ALGORITHM,
            }
        )
    return {
        "gateway_url": gateway_url,
        "ops_token": secrets.ops_token(),
        # What gives access or value needs two operators.
        "second_ops_token": secrets.ops_token(SECOND_OPERATOR),
        "partners": partners,
        "wechat_code_prefix": WECHAT_CODE_PREFIX,
    }
