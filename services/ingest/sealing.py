"""How a route gets the sealer of partners' secrets."""

from typing import Annotated

from fastapi import Depends, Request

from shared.sealing import Sealer


async def _sealer(request: Request) -> Sealer:
    sealer: Sealer = request.app.state.sealer
    return sealer


SecretSealer = Annotated[Sealer, Depends(_sealer)]
