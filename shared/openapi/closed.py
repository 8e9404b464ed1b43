"""Closed sets of texts in OpenAPI, for fields whose values a service takes from its database or from a record."""

from collections.abc import Iterable
from typing import Final

from pydantic import WithJsonSchema

COMPONENTS: Final = "x-components"
"""Key in a route's `openapi_extra`: schemas by name that its body refers to. They become components."""


def one_of(values: Iterable[str]) -> WithJsonSchema:
    """Describe a text as one of these. The values are not checked in answers: a surprise there must not become a 500.

    `status: Annotated[str, one_of(STATUSES)]`
    """
    return WithJsonSchema({"type": "string", "enum": sorted(set(values))})
