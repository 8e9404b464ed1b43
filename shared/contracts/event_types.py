"""The CloudEvents type of every record on every topic, and the headers of records that are published again."""

from datetime import datetime
from typing import Final

import msgspec

from shared.contracts import topics
from shared.contracts.digests_v1 import DAY_SEALED_TYPE
from shared.contracts.envelope import Headers, event_headers
from shared.contracts.erasures_v1 import ERASURE_ANSWERED_TYPE, ERASURE_ASKED_TYPE, EVENTS_ERASED_TYPE
from shared.contracts.freezes_v1 import FREEZE_CHANGED_TYPE
from shared.contracts.outcomes_v1 import ACTIVITY_JUDGED_TYPE
from shared.contracts.rejections_v1 import RECEIPT_REJECTED_TYPE
from shared.contracts.rewards_v1 import (
    CERTIFICATE_REVOKED_TYPE,
    DONATION_MADE_TYPE,
    ORDER_CANCELLED_TYPE,
    ORDER_CONFIRMED_TYPE,
    VOUCHERS_EXPIRING_TYPE,
)

ACTIVITY_REPORTED_TYPE: Final = "cn.carboninclusion.activity.reported.v1"
BINDING_CHANGED_TYPE: Final = "cn.carboninclusion.binding.changed.v1"
MEMBERSHIP_CHANGED_TYPE: Final = "cn.carboninclusion.household.membership.changed.v1"
CONSENT_CHANGED_TYPE: Final = "cn.carboninclusion.consent.changed.v1"
METER_CHANGED_TYPE: Final = "cn.carboninclusion.household.meter.changed.v1"
ENTERPRISE_CHANGED_TYPE: Final = "cn.carboninclusion.enterprise.changed.v1"
ENTERPRISE_MEMBER_CHANGED_TYPE: Final = "cn.carboninclusion.enterprise.member.changed.v1"
MANDATE_CHANGED_TYPE: Final = "cn.carboninclusion.mandate.changed.v1"
RULE_CHANGED_TYPE: Final = "cn.carboninclusion.household.rule.changed.v1"
CARD_CHANGED_TYPE: Final = "cn.carboninclusion.familycard.changed.v1"
DEAD_LETTER_TYPE: Final = "cn.carboninclusion.record.deadlettered.v1"
REPLAYED_TYPE: Final = "cn.carboninclusion.record.replayed.v1"

# The bytes of a dead letter may be anything, so no reader should parse them.
DEAD_LETTER_CONTENT: Final = "application/octet-stream"

TYPES: Final[dict[str, tuple[str, ...]]] = {
    topics.ACTIVITIES: (ACTIVITY_REPORTED_TYPE,),
    topics.REJECTIONS: (RECEIPT_REJECTED_TYPE,),
    topics.BINDINGS: (BINDING_CHANGED_TYPE,),
    topics.HOUSEHOLDS: (MEMBERSHIP_CHANGED_TYPE, METER_CHANGED_TYPE, RULE_CHANGED_TYPE, CARD_CHANGED_TYPE),
    topics.ENTERPRISES: (ENTERPRISE_CHANGED_TYPE, ENTERPRISE_MEMBER_CHANGED_TYPE),
    topics.MANDATES: (MANDATE_CHANGED_TYPE,),
    topics.CONSENTS: (CONSENT_CHANGED_TYPE,),
    topics.OUTCOMES: (ACTIVITY_JUDGED_TYPE,),
    topics.DIGESTS: (DAY_SEALED_TYPE,),
    topics.INGEST_DIGESTS: (DAY_SEALED_TYPE,),
    topics.FREEZES: (FREEZE_CHANGED_TYPE,),
    topics.REWARDS: (
        ORDER_CONFIRMED_TYPE,
        ORDER_CANCELLED_TYPE,
        DONATION_MADE_TYPE,
        VOUCHERS_EXPIRING_TYPE,
        CERTIFICATE_REVOKED_TYPE,
    ),
    topics.ERASURES: (ERASURE_ASKED_TYPE,),
    topics.ACCOUNTING_ERASURES: (EVENTS_ERASED_TYPE, ERASURE_ANSWERED_TYPE),
    topics.INGEST_ERASURES: (ERASURE_ANSWERED_TYPE,),
    topics.REWARDS_ERASURES: (ERASURE_ANSWERED_TYPE,),
}


# On a topic with several kinds of fact, the tags of its messages, in the order of its types.
_TAGS: Final[dict[str, tuple[str, ...]]] = {
    topics.HOUSEHOLDS: ("member", "meter", "rule", "card"),
    topics.ENTERPRISES: ("enterprise", "member"),
}


class _Fact(msgspec.Struct):
    fact: str


def replayed_headers(topic: str, value: bytes, *, letter_id: int, source: str, at: datetime) -> Headers:
    """Headers of a dead letter that is published again. `topic` may have a prefix."""
    return event_headers(f"replay:{letter_id}", source=source, event_type=_type_of(topic, value), at=at)


def _type_of(topic: str, value: bytes) -> str:
    found = next((name for name in TYPES if topic.endswith(name)), None)
    types = (REPLAYED_TYPE,) if found is None else TYPES[found]
    if found in _TAGS:
        try:
            return types[_TAGS[found].index(msgspec.json.decode(value, type=_Fact).fact)]
        except (msgspec.MsgspecError, ValueError):
            return REPLAYED_TYPE
    return types[0] if len(types) == 1 else REPLAYED_TYPE


def dead_letter_headers(letter: str, *, source: str, at: datetime) -> Headers:
    """Headers of a dead letter. `letter` names consumer, topic, partition and offset."""
    return event_headers(letter, source=source, event_type=DEAD_LETTER_TYPE, at=at, content_type=DEAD_LETTER_CONTENT)
