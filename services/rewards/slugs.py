"""Slugs: stable names that operators choose for items, campaigns, categories and budgets."""

import re
from typing import Annotated

from fastapi import Path

SLUG_PATTERN = r"^[a-z0-9][a-z0-9-]{0,59}$"
SlugPath = Annotated[str, Path(pattern=SLUG_PATTERN, examples=["reganmian"])]


def slug(value: str) -> str:
    """Return the value. Raises ValueError if it is not a slug: the database might not accept it in a query."""
    if not re.fullmatch(SLUG_PATTERN, value):
        raise ValueError("not a slug")
    return value
