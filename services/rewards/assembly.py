"""Builds the settlement engine, for the API and for the worker."""

import httpx

from services.rewards.campaigns.settling import DONATION, DonationKind
from services.rewards.database import SCHEMA
from services.rewards.orders.settling import ORDER, OrderKind
from services.rewards.settings import Settings
from services.rewards.settlement.engine import SettlementEngine
from services.rewards.settlement.holds import Holds
from shared.auth.tokens import ServiceTokens
from shared.contracts import topics
from shared.db import Database
from shared.httpclient import ServiceAuth


def build_engine(settings: Settings, database: Database, client: httpx.AsyncClient) -> SettlementEngine:
    """`client` calls the accounting service."""
    tokens = ServiceTokens(settings.service_token_secret.get_secret_value(), SCHEMA)
    topic = settings.topic_prefix + topics.REWARDS
    return SettlementEngine(
        database,
        Holds(client, ServiceAuth(tokens, "accounting")),
        {ORDER: OrderKind(topic), DONATION: DonationKind(topic=topic, time_zone=settings.time_zone)},
    )
