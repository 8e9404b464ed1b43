"""Stored forms of a judgement: the JSON column of its activity, and the plain record of bundles."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

import msgspec

from services.accounting.judging import reasons
from services.accounting.judging.domain import Judgement, Status
from services.accounting.judging.uniqueness import number_key

# Fields that the row of the activity has as columns. The JSON keeps all others.
_COLUMNS: Final = (
    "activity_id", "account_id", "amount_mg", "methodology_code", "methodology_version", "scene",
)  # fmt: skip
_KEPT: Final = tuple(field for field in msgspec.structs.fields(Judgement) if field.name not in _COLUMNS)
# Most activities are credited in full, so the JSON leaves these values out.
_USUAL: Final = {"status": Status.CREDITED, "reason_code": reasons.CREDITED}


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return _USUAL.get(field.name, field.default)


_Stored: Final = msgspec.defstruct(
    "_Stored",
    [(field.name, field.type, _default(field)) for field in _KEPT],
    frozen=True,
    omit_defaults=True,
)
_kept_values: Final = attrgetter(*(field.name for field in _KEPT))
_encode: Final = msgspec.json.Encoder().encode


def to_stored(judgement: Judgement) -> str:
    """Return the JSON for the row of the activity. Fields with a column are left out: about half the size."""
    return _encode(_Stored(*_kept_values(judgement))).decode()


def from_row(row: Mapping[str, Any]) -> Judgement:
    """Return the judgement of a stored activity. Its JSON is text or a mapping.

    Reads rows that earlier releases wrote in full, too. Status and reason come from the JSON, because those of the row
    belong to later verdicts.
    """
    record = row["judgement"]
    stored = msgspec.json.decode(record) if isinstance(record, str) else record
    columns = {name: row[name] for name in _COLUMNS}
    return from_record({**_USUAL, **stored, **columns})


def to_record(judgement: Judgement) -> dict[str, Any]:
    """Return the judgement as plain JSON values, as bundles show it."""
    record: dict[str, Any] = msgspec.to_builtins(judgement)
    return record


def from_record(record: Mapping[str, Any]) -> Judgement:
    """Return the judgement of a plain record. Raises msgspec.ValidationError."""
    return msgspec.convert(record, Judgement)


def counted_keys_of(row: Mapping[str, Any]) -> tuple[int | None, UUID | None]:
    """Return the number key of a stored activity, and the key of its meter or vehicle. None for those it has not."""
    act = row["act"] or {}
    use_key = act.get("meter_key") or act.get("vehicle_key")
    return number_key(row["partner_id"], act.get("natural_key")), UUID(use_key) if use_key else None
