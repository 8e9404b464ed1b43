"""The facts of a row that a record keeps, and what a check of the records finds. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
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


def unaudited_facts(history: Sequence[tuple[Mapping[str, Any] | None, bool]]) -> list[str]:
    """Return the facts of a row whose present value no audited change gave it.

    `history`: its records in order, each with whether it is audited. A key that an operator revoked has none, and
    neither has a partner that was inserted by hand and that an operator suspended: so an incident can be closed.
    """
    present = history[-1][0]
    if present is None:
        return []
    trusted: dict[str, Any] = {}
    before: Mapping[str, Any] = {}
    for facts, audited in history:
        if audited and facts is not None:
            trusted |= {name: value for name, value in facts.items() if name not in before or before[name] != value}
        before = facts or {}
    revoked = present.get("revoked_at") is not None and trusted.get("revoked_at") == present["revoked_at"]
    closed = not history[0][1] and present.get("status") == "suspended" == trusted.get("status")
    if revoked or closed:
        return []
    return sorted(name for name, value in present.items() if name not in trusted or trusted[name] != value)
