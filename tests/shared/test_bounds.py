"""Limits of a record's fields."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from shared.contracts.bounds import EARLIEST, LATEST, require_storable

ROOT = Path(__file__).resolve().parents[2]
SHANGHAI = timezone(timedelta(hours=8))


def test_the_first_and_the_last_instant_are_storable() -> None:
    require_storable(EARLIEST, LATEST - timedelta(microseconds=1), "热干面", None)
    require_storable(datetime(2000, 1, 1, 8, tzinfo=SHANGHAI))


@pytest.mark.parametrize(
    "field",
    [
        EARLIEST - timedelta(microseconds=1),
        LATEST,
        datetime(2000, 1, 1, 7, tzinfo=SHANGHAI),
        datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None),
        "a\x00b",
    ],
)
def test_a_time_out_of_bounds_or_without_offset_and_a_nul_are_refused(field: str | datetime) -> None:
    with pytest.raises(ValueError, match=r"a NUL in a text|a time without offset or outside 2000 to 2099"):
        require_storable(field)


def test_the_bounds_have_one_home() -> None:
    sources = [path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    homes = [path for path in sources if re.search(r"^(EARLIEST|LATEST)\b.*=", path.read_text(), re.MULTILINE)]
    assert [path.relative_to(ROOT).as_posix() for path in homes] == ["shared/contracts/bounds.py"]
