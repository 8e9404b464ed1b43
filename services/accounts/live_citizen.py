"""The citizen of a request that changes something: the session of the token must still live.

An access token is valid for its 30 minutes. Log-out ends the session at once, so every change asks for it. The look-up
is a read by primary key in a transaction of its own: the request may still have to wait for WeChat or for a partner.
"""

from typing import Annotated

from fastapi import Depends

from services.accounts.resources import RequestResources
from services.accounts.sessions import service as sessions
from shared.auth.tokens import Citizen, CitizenIdentity


async def _live_citizen(citizen: Citizen, resources: RequestResources) -> CitizenIdentity:
    async with resources.database.transaction() as session:
        await sessions.require_live(session, user_id=citizen.user_id, token_id=citizen.token_id)
    return citizen


LiveCitizen = Annotated[CitizenIdentity, Depends(_live_citizen)]


async def _stepped_up_citizen(citizen: Citizen, resources: RequestResources) -> CitizenIdentity:
    async with resources.database.transaction() as session:
        await sessions.require_stepped_up(session, user_id=citizen.user_id, token_id=citizen.token_id)
    return citizen


SteppedUpCitizen = Annotated[CitizenIdentity, Depends(_stepped_up_citizen)]
"""A live citizen whose session was confirmed by a fresh code of `wx.login` in the last five minutes."""
