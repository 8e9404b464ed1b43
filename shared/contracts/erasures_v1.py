"""Topics of erasure. Key of every record = the id of the carbon account.

`accounts.erasures.v1` asks the other services to erase a person. Each answers on its own topic,
`<service>.erasures.v1`. Accounting also names there the events that were the person's, so that ingest can clear its
archive.
"""

import uuid
from datetime import datetime
from typing import Annotated, Final, TypeAlias

import msgspec

from shared.contracts.bounds import Count, require_storable

ERASURE_ASKED_TYPE: Final = "cn.carboninclusion.erasure.asked.v1"
EVENTS_ERASED_TYPE: Final = "cn.carboninclusion.erasure.events.v1"
ERASURE_ANSWERED_TYPE: Final = "cn.carboninclusion.erasure.answered.v1"
EVENTS_MAX: Final = 500
EventKeys = Annotated[list[uuid.UUID], msgspec.Meta(min_length=1, max_length=EVENTS_MAX)]


class ErasureAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Erase this person. Asked again until the service has answered; the answer is then repeated."""

    erasure_id: uuid.UUID
    account_id: uuid.UUID
    user_id: uuid.UUID
    asked_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.asked_at)


class EventsErased(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="events"):
    """Events of an erased person: the archive clears their content."""

    erasure_id: uuid.UUID
    account_id: uuid.UUID
    event_keys: EventKeys


class ErasureAnswered(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="answered"):
    """The service holds nothing personal of this person any more. `rows`: how many it deleted or cleared."""

    erasure_id: uuid.UUID
    account_id: uuid.UUID
    rows: Count
    answered_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.answered_at)


ErasureMessage: TypeAlias = EventsErased | ErasureAnswered
