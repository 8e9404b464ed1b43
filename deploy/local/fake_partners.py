"""The servers of five partners for development, in one process: `/bike`, `/metro`, `/recycler`, `/meter`, `/grid`.

Four implement their side of a way to bind, the grid company confirms the meters of households. Configuration: JSON in
FAKE_PARTNERS, see `FakePartners`.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from deploy.local import fake_account_partner, fake_grid, fake_oauth_partner, fake_phone_partner
from deploy.local.fake_account_partner import AccountPartner
from deploy.local.fake_grid import GridCompany
from deploy.local.fake_oauth_partner import OauthPartner, Registration
from deploy.local.fake_phone_partner import PhonePartner

ACCOUNT_PARTNERS = ("recycler", "meter")
GRID = "grid"
_CALL_TIMEOUT_S = 10.0


class FakePartners(BaseModel):
    """`oauth`: fields of Registration. `keys`: app key and secret of the partners that sign requests."""

    model_config = ConfigDict(extra="forbid")

    gateway_url: str
    oauth: dict[str, str]
    phone_pepper: str
    keys: dict[str, tuple[str, str]]


def create_app(
    configuration: FakePartners | None = None, *, gateway_transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Create the servers. `app.state` has `bike`, `metro`, `recycler`, `meter` and `grid`."""
    chosen = configuration or FakePartners.model_validate_json(os.environ["FAKE_PARTNERS"])
    http = httpx.AsyncClient(base_url=chosen.gateway_url, transport=gateway_transport, timeout=_CALL_TIMEOUT_S)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        looking = [asyncio.create_task(getattr(app.state, name).look_for_ever()) for name in (*ACCOUNT_PARTNERS, GRID)]
        try:
            yield
        finally:
            for task in looking:
                task.cancel()
            await asyncio.wait(looking)
            await http.aclose()

    app = FastAPI(title="Fake partners", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.bike = OauthPartner(Registration(**chosen.oauth))
    app.state.metro = PhonePartner(chosen.phone_pepper)
    app.include_router(fake_oauth_partner.router_of(app.state.bike), prefix="/bike")
    app.include_router(fake_phone_partner.router_of(app.state.metro), prefix="/metro")
    for name in ACCOUNT_PARTNERS:
        app_key, secret = chosen.keys[name]
        partner: Any = AccountPartner(http, app_key=app_key, secret=secret)
        setattr(app.state, name, partner)
        app.include_router(fake_account_partner.router_of(partner), prefix=f"/{name}")

    app_key, secret = chosen.keys[GRID]
    app.state.grid = GridCompany(http, app_key=app_key, secret=secret)
    app.include_router(fake_grid.router_of(app.state.grid), prefix=f"/{GRID}")

    @app.get("/readyz")
    async def readyz() -> dict[str, bool]:
        return {"ready": True}

    return app
