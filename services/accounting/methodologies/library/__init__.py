"""The documents shipped with the platform: `methodologies/` is what a new deployment publishes (its city's programme),
`shelf/` what other places and standards have, ready to be taken up but in force nowhere, `factors/` those of both.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from services.accounting.methodologies.compiled import Factors, factor_set
from services.accounting.methodologies.document import Methodology, parse_factors, parse_methodology

_ROOT: Final = files(__name__)


def _texts(folder: str) -> list[str]:
    found: list[Traversable] = [entry for entry in (_ROOT / folder).iterdir() if entry.name.endswith(".yaml")]
    return [entry.read_text(encoding="utf-8") for entry in sorted(found, key=lambda entry: entry.name)]


def methodology_texts() -> list[str]:
    """The YAML texts, in the order of their file names."""
    return _texts("methodologies")


def library_methodologies() -> list[Methodology]:
    return [parse_methodology(text)[0] for text in methodology_texts()]


def shelf_texts() -> list[str]:
    """Documents that nobody's deployment publishes by being installed: each wants the two people of a publication."""
    return _texts("shelf")


def library_factors() -> Factors:
    return factor_set(factor for text in _texts("factors") for factor in parse_factors(text))
