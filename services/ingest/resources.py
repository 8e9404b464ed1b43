"""What lives as long as the API process: settings, the registry of partners, the log, the bounds on requests."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.ingest.in_flight import InFlight
from services.ingest.limits.service import Limits
from services.ingest.partners.service import PartnerRegistry, SeenNonces, SlowLane
from services.ingest.settings import Settings
from shared.eventlog import EventLog
from shared.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Resources:
    settings: Settings
    sealer: Sealer
    registry: PartnerRegistry
    nonces: SeenNonces
    slow_lane: SlowLane
    limits: Limits
    log: EventLog
    in_flight: InFlight


async def _resources(request: Request) -> Resources:
    found: Resources = request.app.state.resources
    return found


Parts = Annotated[Resources, Depends(_resources)]
