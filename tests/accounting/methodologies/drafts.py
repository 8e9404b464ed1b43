"""Methodologies for tests: library documents with some keys replaced."""

import json
from functools import cache
from typing import Any

from services.accounting.methodologies.compiled import Compiled, Factors, compile_methodology, factor_set
from services.accounting.methodologies.document import Factor, canonical_json, factor_from_plain, methodology_from_plain
from services.accounting.methodologies.library import library_factors, library_methodologies
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.shelf import shelf


@cache
def _canonical() -> dict[str, str]:
    shelved = (item.version.document for item in shelf())
    return {document.code: canonical_json(document) for document in (*library_methodologies(), *shelved)}


def plain(base: str = "WH-APP-BIKE", /, **changes: Any) -> dict[str, Any]:
    """Return a document as JSON values. `changes` replace keys, also by wrong values."""
    document: dict[str, Any] = json.loads(_canonical()[base])
    return document | changes


def factor(factor_id: str, unit: str, value: str, **changes: Any) -> Factor:
    document = {
        "id": factor_id,
        "name": {"zh": factor_id, "en": factor_id},
        "region": "",
        "vintage": 2024,
        "unit": unit,
        "value": value,
        "source": "test",
        "source_status": "official",
    }
    return factor_from_plain(document | changes)


def compiled(base: str = "WH-APP-BIKE", /, *, known: Factors | None = None, **changes: Any) -> Compiled:
    return compile_methodology(methodology_from_plain(plain(base, **changes)), known or library_factors())


def formula(text: str, *, factors: dict[str, tuple[str, str]] | None = None, **changes: Any) -> Compiled:
    """Return a trip methodology. Its formula may use `distance` (km), `duration` (h), `people` and the factors."""
    given = factors or {}
    inputs = {
        "distance": {"title": {"zh": "里程", "en": "distance"}, "unit": "km", "from": "distance"},
        "duration": {"title": {"zh": "用时", "en": "duration"}, "unit": "h", "from": "duration"},
        "people": {"title": {"zh": "人数", "en": "people"}, "unit": "person", "from": "passenger_count"},
    }
    known = factor_set(factor(f"test.{name}", unit, value) for name, (unit, value) in given.items())
    document = {
        "inputs": {name: spec for name, spec in inputs.items() if name in text},
        "factors": [{"name": name, "factor_id": f"test.{name}", "vintage": 2024} for name in given],
        "formula": text,
        "plausibility": {field: {"max": 10**9} for field in ("distance_m", "duration_s", "passenger_count")},
        "caps": [],
    }
    return compiled(known=known, **(document | changes))


@cache
def library_index() -> MethodologyIndex:
    factors = library_factors()
    return MethodologyIndex(compile_methodology(document, factors) for document in library_methodologies())
