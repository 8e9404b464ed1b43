"""Districts and pseudonyms as the data lists them. Pure: `data.py` reads the files."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from shared.language import Text

_Word = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class District(_Data):
    code: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    zh: _Word
    en: _Word

    @property
    def text(self) -> Text:
        return Text(self.zh, self.en)


class _Part(_Data):
    zh: _Word
    en: _Word


class Pseudonyms(_Data):
    """The generator. A pseudonym is a number from 0 until before `count`."""

    numbers: Annotated[int, Field(ge=2, le=10_000)]
    qualities: Annotated[tuple[_Part, ...], Field(min_length=1, max_length=200)]
    things: Annotated[tuple[_Part, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _check(self) -> "Pseudonyms":
        for parts in (self.qualities, self.things):
            if len({one.zh for one in parts}) != len(parts) or len({one.en for one in parts}) != len(parts):
                raise ValueError("a word occurs twice")
        return self

    @property
    def count(self) -> int:
        # The lists grow, so numbers are given out by their longest length, not by the present one.
        return 200 * len(self.things) * self.numbers

    def is_one(self, number: int) -> bool:
        """Whether the number stands for a pseudonym."""
        thing, quality, _ = self._split(number)
        return number >= 0 and thing < len(self.things) and quality < len(self.qualities)

    def text(self, number: int) -> Text:
        """Return the pseudonym, for example 晨光江豚 0427. Raises IndexError for a number that is none."""
        thing, quality, last = self._split(number)
        zh, en = self.qualities[quality], self.things[thing]
        return Text(f"{zh.zh}{en.zh} {last:04d}", f"{zh.en} {en.en} {last:04d}")

    def number_of(self, seed: int) -> int:
        """Return a pseudonym for a number without bound."""
        rest, last = divmod(seed, self.numbers)
        rest, quality = divmod(rest, len(self.qualities))
        return (rest % len(self.things) * 200 + quality) * self.numbers + last

    def _split(self, number: int) -> tuple[int, int, int]:
        rest, last = divmod(number, self.numbers)
        return *divmod(rest, 200), last


DISTRICTS = TypeAdapter(tuple[District, ...])


@dataclass(frozen=True, slots=True)
class Participant:
    """A citizen who takes part. `district` None: in none."""

    pseudonym: int
    district: str | None
