"""Objects that live as long as the process: settings, keys and the clients of WeChat, ingest and partners."""

from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from fastapi import Depends, Request

from services.accounts.freezes.client import FreezeReader
from services.accounts.holdings.client import HoldingsReader
from services.accounts.identity_provider.client import IdentityProvider
from services.accounts.key_learning import KeyLearner
from services.accounts.partners.client import IngestClient
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.oauth import PartnerOauth
from services.accounts.settings import Settings
from services.accounts.signing import TokenSigner
from services.accounts.vault import Vault
from services.accounts.wechat.client import WeChatClient
from services.accounts.wechat.qr_codes import QrCodes
from shared.db import Database
from shared.fair_gate import FairGate
from shared.shared_calls import SharedCalls

LogInCalls = SharedCalls[bytes, Any]
"""Log-ins under way, by the keyed hash of their code. What they give is a type of the sessions, which lie above."""


@dataclass(frozen=True, slots=True)
class Resources:
    settings: Settings
    database: Database
    signer: TokenSigner
    keys: KeyLearner
    vault: Vault
    wechat: WeChatClient
    ingest: IngestClient
    freezes: FreezeReader
    holdings: HoldingsReader
    partners: PartnerDirectory
    oauth: PartnerOauth
    log_in_calls: LogInCalls
    log_in_gate: FairGate
    refresh_gate: FairGate
    identity_provider: IdentityProvider
    operator_gate: FairGate
    password_gate: FairGate
    document_gate: FairGate
    qr_codes: QrCodes

    async def stop(self) -> None:
        await self.wechat.stop()
        await self.ingest.stop()
        await self.freezes.stop()
        await self.holdings.stop()
        await self.oauth.stop()
        await self.identity_provider.stop()


def vault_of(settings: Settings) -> Vault:
    return Vault(peppers=settings.peppers, keys=settings.sealing_keys)


def wechat_of(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> WeChatClient:
    return WeChatClient(
        base_url=settings.wechat_base_url,
        app_id=settings.wechat_app_id,
        app_secret=settings.wechat_app_secret,
        transport=transport,
    )


async def _resources_of(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    await resources.keys.learn()
    return resources


RequestResources = Annotated[Resources, Depends(_resources_of)]
