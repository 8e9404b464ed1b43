"""The documents that are shipped with the platform.

`methodologies/` are published by a new deployment: the programme of its city. `shelf/` are documents of other places
and standards, ready to use but not in force. `factors/` are the factors of both.
"""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from services.accounting.methodologies.compiled import Factors, factor_set
from services.accounting.methodologies.document import Methodology, content_sha256, parse_factors, parse_methodology

_ROOT: Final = files(__name__)


def _texts(folder: str) -> list[str]:
    found: list[Traversable] = [entry for entry in (_ROOT / folder).iterdir() if entry.name.endswith(".yaml")]
    return [entry.read_text(encoding="utf-8") for entry in sorted(found, key=lambda entry: entry.name)]


def methodology_texts() -> list[str]:
    """Return the YAML texts in the order of their file names."""
    return _texts("methodologies")


def library_methodologies() -> list[Methodology]:
    return [parse_methodology(text)[0] for text in methodology_texts()]


def shelf_texts() -> list[str]:
    """Return the YAML texts of the shelf. An installation does not publish them: two people must do so."""
    return _texts("shelf")


def library_factors() -> Factors:
    return factor_set(factor for text in _texts("factors") for factor in parse_factors(text))


@cache
def shipped_hashes() -> dict[tuple[str, int], str]:
    """Return the content hashes of the published library: by code and version, and by factor and vintage."""
    documents = {(document.code, document.version): content_sha256(document) for document in library_methodologies()}
    return documents | {key: content_sha256(factor) for key, factor in library_factors().items()}
