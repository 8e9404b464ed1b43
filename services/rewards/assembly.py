"""Builds the settlement engine and the reconciliation with accounting, for the API and for the worker."""

from datetime import timedelta

import httpx

from services.rewards.campaigns.settling import DONATION, DonationKind
from services.rewards.database import SCHEMA
from services.rewards.loans.pseudonyms import Pseudonyms
from services.rewards.loans.settling import LOAN, LoanKind
from services.rewards.orders.settling import ORDER, OrderKind
from services.rewards.reconciliation.engine import Reconciler
from services.rewards.reconciliation.holds import HoldReader
from services.rewards.settings import Settings
from services.rewards.settlement.desk import Desk
from services.rewards.settlement.engine import SettlementEngine
from services.rewards.settlement.holds import Holds
from services.rewards.vouchers.sealing import CodeSealer
from shared.auth.tokens import ServiceTokens
from shared.contracts import topics
from shared.contracts.holds import HOLDS_PER_PAGE_MAX
from shared.db import Database
from shared.httpclient import ServiceAuth
from shared.live_sessions import SessionChecks


def build_engine(settings: Settings, database: Database, client: httpx.AsyncClient) -> SettlementEngine:
    """`client` calls the accounting service."""
    topic = settings.topic_prefix + topics.REWARDS
    return SettlementEngine(
        database,
        Holds(client, _auth(settings)),
        {
            ORDER: OrderKind(topic=topic, sealer=CodeSealer(settings.voucher_keys), time_zone=settings.time_zone),
            DONATION: DonationKind(topic=topic, time_zone=settings.time_zone),
            LOAN: LoanKind(pseudonyms=Pseudonyms(settings.voucher_keys), time_zone=settings.time_zone),
        },
        contact=settings.support_contact,
    )


def build_session_checks(settings: Settings, client: httpx.AsyncClient) -> SessionChecks:
    """`client` calls the accounts service."""
    return SessionChecks(client, _auth(settings, "accounts"))


def build_desks(engine: SettlementEngine) -> dict[str, Desk]:
    """Return the desk of each kind of settlement."""
    return {name: Desk(engine, name) for name in engine.kinds}


def build_reconciler(
    settings: Settings, database: Database, client: httpx.AsyncClient, *, page_size: int = HOLDS_PER_PAGE_MAX
) -> Reconciler:
    """`client` calls the accounting service."""
    return Reconciler(
        database,
        reader=HoldReader(client, _auth(settings)),
        holds=Holds(client, _auth(settings)),
        tables={ORDER: OrderKind.table, DONATION: DonationKind.table, LOAN: LoanKind.table},
        in_flight=timedelta(seconds=settings.reconciliation_in_flight_s),
        page_size=page_size,
    )


def _auth(settings: Settings, audience: str = "accounting") -> ServiceAuth:
    return ServiceAuth(ServiceTokens(settings.service_key.get_secret_value(), SCHEMA), audience)
