"""Records of rules on the topic `accounts.households.v1`, keyed by household."""

import msgspec

from services.accounts.database import SCHEMA
from services.accounts.household_rules.models import HouseholdRule
from services.accounts.settings import Settings
from shared import outbox
from shared.contracts import topics
from shared.contracts.envelope import event_headers
from shared.contracts.event_types import RULE_CHANGED_TYPE
from shared.contracts.households_v1 import RuleChanged, RuleKind
from shared.db import Session
from shared.eventlog import Record

_EVENT_SOURCE = "/accounts"


async def publish_rule(session: Session, *, settings: Settings, row: HouseholdRule) -> None:
    """Store the record in the outbox, in the transaction of the change. The worker publishes it."""
    kind: RuleKind = "any_member_up_to" if row.kind == "any_member_up_to" else "all_agree"
    fact = RuleChanged(
        household_id=row.household_id, version=row.version, kind=kind, limit_mg=row.limit_mg, changed_at=row.since
    )
    key = str(row.household_id)
    headers = event_headers(
        f"{key}:rule:{row.version}", source=_EVENT_SOURCE, event_type=RULE_CHANGED_TYPE, at=row.since
    )
    record = Record(key=key.encode(), value=msgspec.json.encode(fact), headers=headers)
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.HOUSEHOLDS, [record])
