"""The account numbers of the sandbox, and the verdicts that events of each get."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Status = Literal["credited", "refused", "parked", "reversed"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One verdict. `amount_mg` is what stays credited."""

    status: Status
    reason_code: str
    amount_mg: int = 0


CREDITED: Final = Sentence("credited", "CREDITED", 170_000)
UNBOUND: Final = Sentence("parked", "NO_BINDING")

# By account number: the verdicts in their order. Nobody has such a number: those of people are random.
NUMBERS: Final[Mapping[str, tuple[Sentence, ...]]] = {
    "SANDBOX-CREDITED": (CREDITED,),
    "SANDBOX-CAPPED": (Sentence("credited", "PARTLY_CAPPED", 50_000),),
    "SANDBOX-PARKED": (UNBOUND,),
    "SANDBOX-REFUSED": (Sentence("refused", "IMPLAUSIBLE_SPEED"),),
    "SANDBOX-REVERSED": (CREDITED, Sentence("reversed", "REVOKED")),
}
