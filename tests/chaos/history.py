"""The clients' record of requests and answers. The checker compares the databases with it."""

import uuid
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.contracts.identity import event_key


class Ack(StrEnum):
    """A client's knowledge about its request."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Event:
    """An event as its partner knows it. `copies`: number of answers `accepted`."""

    partner_id: str
    event_id: str
    body: dict[str, Any]
    ack: Ack = Ack.UNKNOWN
    copies: int = 0
    conflicts: int = 0

    @property
    def key(self) -> uuid.UUID:
        return event_key(self.partner_id, self.event_id)


@dataclass(slots=True)
class Write:
    """An order or a donation. `name` is both its client_request_id and its Idempotency-Key."""

    kind: str
    name: str
    user_id: uuid.UUID
    amount_mg: int
    ack: Ack = Ack.UNKNOWN
    settlement_id: uuid.UUID | None = None
    refusal: str = ""
    attempts: int = 0


@dataclass
class History:
    """All requests of a run and their answers."""

    events: dict[tuple[str, str], Event] = field(default_factory=dict)
    writes: dict[str, Write] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    wrong_answers: list[str] = field(default_factory=list)
    requests: int = 0
    retries: int = 0

    def count(self, ack: Ack) -> int:
        return sum(event.ack is ack for event in self.events.values())

    def accepted(self) -> list[Event]:
        return [event for event in self.events.values() if event.ack is Ack.ACCEPTED]

    def record_answer(self, what: str, status: int, body: bytes, headers: Any) -> None:
        """Count an answer and keep wrong ones: 5xx but 503 and 504, no problem document, 503 without Retry-After."""
        self.requests += 1
        self.answers[str(status)] += 1
        media_type = str(headers.get("content-type", ""))
        wrong = ""
        if status >= 500 and status not in {503, 504}:
            wrong = "5xx other than 503 and 504"
        elif status >= 400 and not media_type.startswith("application/problem+json"):
            wrong = f"not a problem document but {media_type!r}"
        elif status == 503 and "retry-after" not in headers:
            wrong = "503 without Retry-After"
        if wrong:
            self.wrong_answers.append(f"{what}: {status} {wrong}: {body.decode(errors='replace')[:400]}")
