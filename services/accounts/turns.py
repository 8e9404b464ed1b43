"""Turns by address, for what everybody may call and what costs a call to WeChat or a row lock.

The gateway bounds the rate of an address. This bounds what one address can have under way in this process: a hundred
log-ins at once from one address wait behind each other, not before the others.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from services.accounts.resources import Resources
from shared.client_address import client_address
from shared.fair_gate import FairGate


def new_gate() -> FairGate:
    """Two of an address are 13 log-ins a second for one process at 150 ms for a call to WeChat."""
    return FairGate(active_max=32, active_per_key=2, waiting_max=512, waiting_per_key=128, wait_s=8)


def new_password_gate() -> FairGate:
    """A password takes a core for 50 ms and 64 MiB (argon2id): two at a time, one of an address."""
    return FairGate(active_max=2, active_per_key=1, waiting_max=64, waiting_per_key=16, wait_s=8)


def new_document_gate() -> FairGate:
    """A document is 5 MiB in memory, and as much again while it is sealed: four at a time, one of a person."""
    return FairGate(active_max=4, active_per_key=1, waiting_max=64, waiting_per_key=4, wait_s=8)


def turn_key(request: Request, resources: Resources) -> str:
    """Return the client's address, by which turns are taken."""
    return client_address(request, resources.settings.trusted_proxies) or "-"


class TurnRoute(APIRoute):
    """A route whose requests take turns before a byte of their body is parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def take_turn(request: Request) -> Response:
            resources: Resources = request.app.state.resources
            async with resources.refresh_gate.admit(turn_key(request, resources)):
                return await handle(request)

        return take_turn
