"""What a client accepts, for routes that answer both programs and people. Pure."""

from typing import Final

_CHARS_MAX: Final = 1_000


def prefers_html(accept: str | None) -> bool:
    """Whether an Accept header names text/html and weighs it no less than JSON. A browser's does.

    >>> prefers_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), prefers_html("*/*")
    (True, False)
    >>> prefers_html("application/json, text/html;q=0.5"), prefers_html(None)
    (False, False)
    """
    weights = dict(_weighed(part) for part in (accept or "")[:_CHARS_MAX].split(","))
    html = weights.get("text/html", 0.0)
    return html > 0 and html >= weights.get("application/json", 0.0)


def _weighed(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0


def matches_etag(if_none_match: str | None, tag: str) -> bool:
    """Compare weakly, as RFC 9110 says for If-None-Match. `tag`: with its quotation marks."""
    given = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    return tag in given or "*" in given
