"""The facts of a row that a record keeps, and what a check of the records finds. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from shared.language import Text

# Columns that say nothing about what a partner may do, and change with every delivery. As in the trigger.
_LEFT_OUT: Final = frozenset({"updated_at", "created_at", "failing_since", "last_success_at"})
_SEALED: Final = "_sealed"


@dataclass(frozen=True, slots=True)
class RecordFinding:
    """One difference. `day` is set for a finding about a sealed day, the partner for all others."""

    text: Text
    partner_id: str | None = None
    app_key: str | None = None
    day: date | None = None
    at: datetime | None = None


def recorded_facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a row as the trigger `keep_record` records them. `row` is its `to_jsonb`."""
    facts = {}
    for name, value in row.items():
        if name in _LEFT_OUT:
            continue
        if name.endswith(_SEALED):
            digest = hashlib.sha256(bytes.fromhex(value.removeprefix("\\x"))).hexdigest() if value else None
            facts[name.removesuffix(_SEALED) + "_sha256"] = digest
        else:
            facts[name] = value
    return facts


def differs(stored: Mapping[str, Any] | None, facts: Mapping[str, Any] | None) -> bool:
    """Whether a row differs from its newest record. Columns that are younger than the record do not count."""
    if stored is None or facts is None:
        return (stored is None) != (facts is None)
    now = recorded_facts(stored)
    return any(now.get(name) != value for name, value in facts.items())
