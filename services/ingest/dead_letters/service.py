"""Checks whether the service's consumers can read a record."""

import msgspec

from services.ingest import topics as own_topics
from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.dead_letters import readable_by

unreadable_because = readable_by(
    {
        topics.ACTIVITIES: msgspec.json.Decoder(ActivityReported),
        topics.OUTCOMES: msgspec.json.Decoder(ActivityJudged),
        own_topics.REJECTIONS: msgspec.json.Decoder(own_topics.ReceiptRejected),
    }
)
