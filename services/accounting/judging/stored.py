"""Stored forms of a judgement: JSON beside the columns of its activity's row, and the plain record that is shown."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final

import msgspec

from services.accounting.judging import reasons
from services.accounting.judging.domain import Judgement, Status

# Fields that the row of the activity has as columns. The JSON keeps all others.
_COLUMNS: Final = (
    "activity_id", "account_id", "amount_mg", "methodology_code", "methodology_version", "scene",
)  # fmt: skip
_KEPT: Final = tuple(field for field in msgspec.structs.fields(Judgement) if field.name not in _COLUMNS)
# A new activity is credited in full more often than not, so the JSON leaves that out.
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
    """JSON for the row of the activity: a third of the whole, as fields with columns are left out."""
    return _encode(_Stored(*_kept_values(judgement))).decode()


def from_row(row: Mapping[str, Any]) -> Judgement:
    """The judgement of a stored activity; its JSON may have come as text or as a mapping.

    Rows written in full by earlier releases are read as well. The row's own status and reason belong to later verdicts.
    """
    record = row["judgement"]
    stored = msgspec.json.decode(record) if isinstance(record, str) else record
    columns = {name: row[name] for name in _COLUMNS}
    return from_record({**_USUAL, **stored, **columns})


def to_record(judgement: Judgement) -> dict[str, Any]:
    """The judgement as plain JSON values, to be shown."""
    record: dict[str, Any] = msgspec.to_builtins(judgement)
    return record


def from_record(record: Mapping[str, Any]) -> Judgement:
    """Raises msgspec.ValidationError."""
    return msgspec.convert(record, Judgement)
