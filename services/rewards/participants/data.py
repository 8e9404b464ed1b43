"""Reads the districts and the words of pseudonyms. A file with a fault stops the service at its start."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import yaml

from services.rewards.participants.domain import DISTRICTS, District, Pseudonyms

_HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def districts() -> Mapping[str, District]:
    """Return the districts by code, in the order of the file. Raises ValidationError, ValueError."""
    found = DISTRICTS.validate_python(yaml.safe_load((_HERE / "districts.yaml").read_text(encoding="utf-8")))
    by_code = {one.code: one for one in found}
    if len(by_code) != len(found):
        raise ValueError("a district occurs twice")
    return by_code


@lru_cache(maxsize=1)
def pseudonyms() -> Pseudonyms:
    """Raises ValidationError."""
    return Pseudonyms.model_validate(yaml.safe_load((_HERE / "pseudonyms.yaml").read_text(encoding="utf-8")))
