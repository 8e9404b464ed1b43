"""Rules of spending for others: agreements of a household, monthly limits. Pure."""

import uuid
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final, Literal, NamedTuple

# A family sees each other within a week.
AGREEMENT_LIFE: Final = timedelta(days=7)
OPEN_AGREEMENTS_MAX: Final = 20
# The states of a stored agreement, and `expired`, which follows from the time.
AgreementStatus = Literal["open", "spent", "refused", "withdrawn", "expired"]


class Agreement(NamedTuple):
    """What members of a household agree upon: one member spends up to `amount_mg` on `about`, once."""

    agreement_id: uuid.UUID
    household_id: uuid.UUID
    proposed_by: uuid.UUID
    about: str
    amount_mg: int
    created_at: datetime
    expires_at: datetime
    status: str
    ended_at: datetime | None
    agreed: frozenset[uuid.UUID]

    def status_at(self, now: datetime) -> str:
        return "expired" if self.status == "open" and self.expires_at <= now else self.status

    def covers(self, *, spender: uuid.UUID, about: str, amount_mg: int, people: Collection[uuid.UUID]) -> bool:
        """Whether this is the spend that everybody who lives there now has agreed upon."""
        return (
            self.proposed_by == spender
            and self.about == about
            and amount_mg <= self.amount_mg
            and self.is_complete(people)
        )

    def is_complete(self, people: Collection[uuid.UUID]) -> bool:
        """Whether all these people agreed. Somebody who moved in since has to agree, too."""
        return self.agreed >= frozenset(people)


def month_of(day: date) -> date:
    """Return the first day of a month."""
    return day.replace(day=1)
