"""Every contract bounds its fields: the reader refuses a hostile record before the database sees it."""

import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseMemberChanged
from shared.contracts.mandates_v1 import MandateChanged
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.rewards_v1 import (
    CertificateRevoked,
    DonationMade,
    OrderCancelled,
    OrderConfirmed,
    VouchersExpiring,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SOME = uuid.UUID(int=7)
SAMPLES: tuple[msgspec.Struct, ...] = (
    BindingChanged(
        binding_id=SOME, version=1, partner_id="t3", account_key="k", account_id=SOME, user_id=SOME, status="active",
        counts_from=NOW, ended_at=NOW, consent_withdrawn_at=NOW, changed_at=NOW,
    ),
    EnterpriseChanged(
        enterprise_id=SOME, version=1, status="active", kinds=("venue",), account_id=SOME, name="n",
        approved_at=NOW, changed_at=NOW,
    ),
    EnterpriseMemberChanged(
        membership_id=SOME, version=1, enterprise_id=SOME, account_id=SOME, roles=("maker",), since=NOW, until=NOW,
        changed_at=NOW,
    ),
    MandateChanged(
        mandate_id=SOME, version=1, account_id=SOME, platform_id=SOME, kind="benefit", scenes=("bus",),
        terms_version="1", terms_sha256="0" * 64, threshold_mg=1, accepted_at=NOW, until=NOW, changed_at=NOW,
    ),
    ActivityJudged(
        activity_id=SOME, partner_id="t3", event_id="e", receipt_id=SOME, index=1, status="credited", reason_code="R",
        amount_mg=1, account_id=SOME, scene="bus", methodology="M", occurred_at=NOW, distance_m=1, judged_at=NOW,
        sequence=2,
    ),
    OrderConfirmed(
        event_id=SOME, order_id=SOME, account_id=SOME, item_id="i", quantity=1, amount_mg=1, cost_fen=1,
        captured_to="redeemed:x", confirmed_at=NOW,
    ),
    OrderCancelled(
        event_id=SOME, order_id=SOME, account_id=SOME, item_id="i", quantity=1, amount_mg=1, cost_fen=1,
        cancelled_at=NOW,
    ),
    VouchersExpiring(
        event_id=SOME, order_id=SOME, account_id=SOME, item_id="i", title="t", quantity=1, valid_until=NOW
    ),
    DonationMade(
        event_id=SOME, donation_id=SOME, account_id=SOME, campaign_id="c", amount_mg=1, certificate_no="n", made_at=NOW
    ),
    CertificateRevoked(
        event_id=SOME, certificate_no="n", donation_id=SOME, account_id=SOME, amount_mg=1, revoked_at=NOW
    ),
)  # fmt: skip
TEXTS = ("a\x00b", "x" * 300)
NUMBERS = (-1, 2**63, 2**70)
TIMES = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-01T00:00:00")


def hostile_values(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool) or value is None:
        return ()
    if isinstance(value, int):
        return NUMBERS
    return TEXTS


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_contracts_refuse_values_the_database_cannot_store(sample: msgspec.Struct) -> None:
    plain = msgspec.json.decode(msgspec.json.encode(sample))
    assert msgspec.json.decode(msgspec.json.encode(plain), type=type(sample)) == sample
    accepted = []
    for name, value in plain.items():
        strange = TIMES if isinstance(getattr(sample, name, None), datetime) else hostile_values(value)
        for one in strange:
            content = msgspec.json.encode({**plain, name: one}) if one != 2**70 else _with_digits(plain, name)
            try:
                msgspec.json.decode(content, type=type(sample))
            except msgspec.ValidationError:
                continue
            accepted.append((name, one))
    assert accepted == []


def _with_digits(plain: dict[str, Any], name: str) -> bytes:
    """Encode a number beyond 64 bits, which the encoder itself refuses."""
    marked = msgspec.json.encode({**plain, name: "HERE"})
    return marked.replace(b'"HERE"', str(2**70).encode())
