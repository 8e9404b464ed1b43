"""Partners of the local programme: the seed for ingest, and the credentials for a client."""

from dataclasses import dataclass
from typing import Any

from deploy.local.secrets_file import SECOND_OPERATOR, Secrets

ALGORITHM = "CP1-HMAC-SHA256"
WUHAN = "420100"
# A year, because demos and load runs report acts of past months. A real partner has days.
LATE_WINDOW_S = 366 * 86_400
BINDING_MODES = ("account_no", "token")
# Where the bike company sends its customers back to. The domain `.example` is reserved: clients read the address only.
REDIRECT_URI = "https://carbon.example/bound"
OAUTH_CLIENT_ID = "carbon-inclusion"
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
    modes: tuple[str, ...] = BINDING_MODES

    @property
    def source(self) -> str:
        """CloudEvents `source`. The domain `.example` is reserved."""
        return f"https://{self.partner_id}.example/events"


PARTNERS = (
    Partner("t3", "T3出行", "T3 Mobility", ("ev_ride",), (TRIP,)),
    Partner("metro", "武汉地铁", "Wuhan Metro", ("metro",), (TRANSIT,), modes=(*BINDING_MODES, "phone_hash")),
    Partner("bus", "武汉公交", "Wuhan Bus", ("bus",), (TRANSIT,)),
    Partner("bike", "共享单车", "Shared Bikes", ("bike",), (TRIP,), modes=(*BINDING_MODES, "oauth")),
    Partner("market", "超市", "Supermarket", ("own_bag",), (BAG,)),
    Partner("recycle", "爱回收·爱分类", "Aihuishou Recycling", ("recycling",), (RECYCLING,)),
    # It confirms the meters of households, see `fake_grid.py`.
    Partner("grid", "电网", "Power Grid", ("power_saving",), (ENERGY,)),
    # These two confirm each account number before it counts. Their servers are in `fake_partners.py`.
    Partner(
        "recycler",
        "智能回收箱",
        "Smart Recycler",
        ("recycling",),
        (RECYCLING,),
        modes=("account_no_confirmed", "token"),
    ),
    Partner("meter", "智能电表", "Smart Meters", ("power_saving",), (ENERGY,), modes=("account_no_confirmed",)),
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


def oauth_of_bike(secrets: Secrets, servers_url: str) -> dict[str, Any]:
    """Return the OAuth server of the bike company, as ingest registers it."""
    return {
        "authorize_url": f"{servers_url}/bike/oauth/authorize",
        "token_url": f"{servers_url}/bike/oauth/token",
        "revocation_url": f"{servers_url}/bike/oauth/revoke",
        "redirect_uri": REDIRECT_URI,
        "issuer": f"{servers_url}/bike",
        "client_id": OAUTH_CLIENT_ID,
        "client_secret": secrets["bike_oauth_secret"],
    }


def servers_configuration(secrets: Secrets, servers_url: str, gateway_url: str) -> dict[str, Any]:
    """Return the content of FAKE_PARTNERS, see `fake_partners.py`."""
    bike = oauth_of_bike(secrets, servers_url)
    return {
        "gateway_url": gateway_url,
        "oauth": {name: bike[name] for name in ("issuer", "client_id", "client_secret", "redirect_uri")},
        "phone_pepper": secrets["metro_phone_pepper"],
        "keys": {name: secrets.partner_key(name) for name in ("recycler", "meter", "grid")},
    }


def ingest_seed(secrets: Secrets, servers_url: str) -> list[dict[str, Any]]:
    """Return the input of `python -m services.ingest.seed`. `servers_url`: of the partners' own servers."""
    more: dict[str, dict[str, Any]] = {
        "bike": {"oauth": oauth_of_bike(secrets, servers_url)},
        "metro": {"phone_pepper": secrets["metro_phone_pepper"]},
    }
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
                "binding_modes": list(partner.modes),
                "environment": partner.environment,
                "keys": [{"app_key": app_key, "algorithm": ALGORITHM, "secret": secret}],
                **more.get(partner.partner_id, {}),
            }
        )
    return seed


def credentials(secrets: Secrets, gateway_url: str, servers_url: str, wechat_url: str) -> dict[str, Any]:
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
        "partner_servers_url": servers_url,
        "wechat_url": wechat_url,
    }
