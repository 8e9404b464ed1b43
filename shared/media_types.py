"""Media types as RFC 9110, 8.3.1 writes them: names in any case, parameters in any order, values plain or quoted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NAME: Final = re.compile(rf"[ \t]*({_TOKEN}/{_TOKEN})[ \t]*")
_PARAMETER: Final = re.compile(rf';[ \t]*(?:({_TOKEN})=(?:({_TOKEN})|"((?:[^"\\]|\\.)*)"))?[ \t]*')
_ESCAPE: Final = re.compile(r"\\(.)")
_CHARS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class MediaType:
    """`name` such as `application/json` and the names of the parameters are in lower case, the values as written."""

    name: str
    parameters: Mapping[str, str]

    @property
    def charset(self) -> str | None:
        """In lower case, because names of charsets are case-insensitive."""
        found = self.parameters.get("charset")
        return found.lower() if found is not None else None

    @property
    def is_json(self) -> bool:
        """Whether such content is JSON, by its name or by its suffix (RFC 6839)."""
        subtype = self.name.partition("/")[2]
        return subtype == "json" or subtype.endswith("+json")


def parse_media_type(text: str | None) -> MediaType | None:
    """None without a media type, and for a text that is none or that names a parameter twice."""
    if text is None or len(text) > _CHARS_MAX:
        return None
    start = _NAME.match(text)
    if start is None:
        return None
    parameters: dict[str, str] = {}
    position = start.end()
    while position < len(text):
        found = _PARAMETER.match(text, position)
        if found is None:
            return None
        position = found.end()
        name, plain, quoted = found.groups()
        if name is None:
            continue  # `a/b;` and `a/b; ; c=d` are allowed
        if name.lower() in parameters:
            return None
        parameters[name.lower()] = plain if plain is not None else _ESCAPE.sub(r"\1", quoted)
    return MediaType(start[1].lower(), parameters)
