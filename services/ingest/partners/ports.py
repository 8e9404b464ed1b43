"""What the API process keeps to check signatures, and how a route gets it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.ingest.partners.nonces import SeenNonces
from services.ingest.partners.registry import PartnerRegistry
from services.ingest.partners.slow_checks import SlowCheckQueue


@dataclass(frozen=True, slots=True)
class SignatureChecks:
    """The keys of all partners, the nonces already used, and the queue of signatures that are slow to check."""

    registry: PartnerRegistry
    nonces: SeenNonces
    slow_queue: SlowCheckQueue


async def _signature_checks(request: Request) -> SignatureChecks:
    checks: SignatureChecks = request.app.state.signature_checks
    return checks


Checks = Annotated[SignatureChecks, Depends(_signature_checks)]
