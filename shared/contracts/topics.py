"""Topic names and partition counts. A count never changes: keys would move, and events of a key lose their order."""

ACTIVITIES = "ingest.activities.v1"
REJECTIONS = "ingest.rejections.v1"
BINDINGS = "accounts.bindings.v1"
HOUSEHOLDS = "accounts.households.v1"
ENTERPRISES = "accounts.enterprises.v1"
MANDATES = "accounts.mandates.v1"
CONSENTS = "accounts.consents.v1"
DIGESTS = "accounting.digests.v1"
INGEST_DIGESTS = "ingest.digests.v1"
OUTCOMES = "accounting.outcomes.v1"
FREEZES = "accounting.freezes.v1"
REWARDS = "rewards.events.v1"
ERASURES = "accounts.erasures.v1"
ACCOUNTING_ERASURES = "accounting.erasures.v1"
INGEST_ERASURES = "ingest.erasures.v1"
REWARDS_ERASURES = "rewards.erasures.v1"

PARTITIONS = {
    ACTIVITIES: 8,
    REJECTIONS: 1,  # few records, whose order does not matter
    BINDINGS: 4,
    HOUSEHOLDS: 4,
    ENTERPRISES: 1,  # few records
    MANDATES: 4,
    CONSENTS: 4,
    DIGESTS: 1,
    INGEST_DIGESTS: 1,
    OUTCOMES: 8,
    FREEZES: 1,  # few records
    REWARDS: 4,
    ERASURES: 1,  # few records
    ACCOUNTING_ERASURES: 1,
    INGEST_ERASURES: 1,
    REWARDS_ERASURES: 1,
}
COMPACTED = frozenset({BINDINGS, HOUSEHOLDS, ENTERPRISES, MANDATES, CONSENTS})
DEADLETTER_SUFFIX = ".deadletter"
DEADLETTER_PARTITIONS = 1
