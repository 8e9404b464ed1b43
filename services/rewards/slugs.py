"""Stable names chosen by operators: items, campaigns, categories, budgets."""

import re
from typing import Annotated

from fastapi import Path

SLUG_PATTERN = r"^[a-z0-9][a-z0-9-]{0,59}$"
SlugPath = Annotated[str, Path(pattern=SLUG_PATTERN, examples=["reganmian"])]


def slug(value: str) -> str:
    """The value itself. Raises ValueError for what no slug looks like: it would only confuse the database."""
    if not re.fullmatch(SLUG_PATTERN, value):
        raise ValueError("not a slug")
    return value
