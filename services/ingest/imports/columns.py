"""CSV files: columns are fields of an event's data, and each row is turned into the CloudEvent it stands for."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from services.ingest import event_types
from services.ingest.events.service import INVALID_TEXT, EventRejected
from services.ingest.imports import reasons
from services.ingest.imports.cells import is_mangled, time_of
from services.ingest.imports.reasons import BadFile
from services.ingest.imports.text import Charset

_ENVELOPE: Final = ("id", "type", "source", "time")
_REVISION: Final = ("original_id", "reason")
_ACCOUNT: Final = ("account_ref.type", "account_ref.value")
_WHOLE_NUMBERS: Final = frozenset(
    {"distance", "duration", "passenger_count", "weight_g", "count", "energy_wh", "baseline_wh"}
)
_TIMES: Final = frozenset(
    {"start_time", "end_time", "boarded_at", "alighted_at", "occurred_at", "period_start", "period_end", "time"}
)
# Columns that name one thing. Two names that a program rewrote to the same would become one thing.
_NAMES: Final = frozenset(
    {
        "id", "original_id", "trip_id", "ride_id", "deposit_id", "receipt_no", "meter_ref", "machine_ref",
        "vehicle_ref", "account_ref.value",
    }
)  # fmt: skip
_PLACES: Final = ("start_location.lat", "start_location.lng", "end_location.lat", "end_location.lng")

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    event_types.TRIP: (
        "trip_id", "vehicle_type", "propulsion_type", "trip_type", "start_time", "end_time", "duration", "distance",
        "passenger_count", *_PLACES, "coordinate_system", "city_code", "vehicle_ref",
    ),
    event_types.TRANSIT: ("ride_id", "vehicle_type", "line", "boarded_at", "alighted_at", "distance", "city_code"),
    event_types.RECYCLING: ("deposit_id", "material", "weight_g", "machine_ref", "occurred_at", "city_code"),
    event_types.BAG: ("receipt_no", "count", "occurred_at", "city_code"),
    event_types.ENERGY: ("meter_ref", "period_start", "period_end", "energy_wh", "baseline_wh", "city_code"),
}  # fmt: skip
_DATA: Final = frozenset(name for names in COLUMNS.values() for name in names) | set(_ACCOUNT)
_KNOWN: Final = _DATA | set(_ENVELOPE) | set(_REVISION)

_SAMPLE: Final[Mapping[str, str]] = {
    "account_ref.type": "account_no",
    "account_ref.value": "WH0000000017",
    "trip_id": "20261123-000001",
    "ride_id": "20261123-000001",
    "deposit_id": "20261123-000001",
    "receipt_no": "20261123-000001",
    "meter_ref": "meter-000001",
    "propulsion_type": "electric",
    "trip_type": "shared",
    "start_time": "2026-11-23T08:10:00+08:00",
    "end_time": "2026-11-23T08:30:00+08:00",
    "boarded_at": "2026-11-23T08:10:00+08:00",
    "alighted_at": "2026-11-23T08:30:00+08:00",
    "occurred_at": "2026-11-23T08:10:00+08:00",
    "period_start": "2026-11-22T00:00:00+08:00",
    "period_end": "2026-11-23T00:00:00+08:00",
    "duration": "1200",
    "distance": "2360",
    "passenger_count": "1",
    "material": "cardboard",
    "weight_g": "350",
    "machine_ref": "machine-0001",
    "count": "1",
    "energy_wh": "1200",
    "baseline_wh": "4000",
    "city_code": "420100",
    "line": "2",
}

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,4}(\.[0-9]{1,18})?")
_OTHER_SEPARATORS: Final = ";\t|，；"
_NAME_CHARS_MAX: Final = 40
_NAMES_SHOWN: Final = 5
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Table:
    """The header, and the values that all rows of the file share. `zone` is that of times without an offset."""

    columns: tuple[str, ...]
    source: str
    event_type: str | None
    charset: Charset = "utf-8"
    zone: ZoneInfo | None = None

    def event_of(self, line: bytes) -> bytes | None:
        """The row as a CloudEvent in JSON, None for a row without content. An empty cell is an absent field.

        Raises EventRejected.
        """
        cells = cells_of(line, self.charset)
        if not any(map(str.strip, cells)):
            return None
        while len(cells) > len(self.columns) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(self.columns):
            raise EventRejected(reasons.COLUMN_COUNT)
        event: dict[str, Any] = {"specversion": "1.0", "source": self.source}
        if self.event_type is not None:
            event["type"] = self.event_type
        data: dict[str, Any] = {}
        for name, cell in zip(self.columns, cells, strict=True):
            if cell == "" or (not name and not cell.strip()):
                continue
            if not name:
                raise EventRejected(reasons.VALUE_WITHOUT_COLUMN)
            if name in _NAMES and is_mangled(cell):
                raise EventRejected(reasons.MANGLED_NUMBER, name if name in _ENVELOPE else f"data.{name}")
            value = time_of(cell, self.zone) if name in _TIMES else cell
            if name in _ENVELOPE:
                event[name] = value
            else:
                _put(data, name, value)
        if "type" in event:
            event["type"] = _full_type(event["type"])
        event["data"] = _revised(data) if event.get("type") == event_types.CORRECTED else data
        return _encode(event)


def _full_type(name: str) -> str:
    try:
        return event_types.full_name(name)
    except ValueError:
        return name  # the decoder rejects it with its own code


def _put(data: dict[str, Any], name: str, cell: str | int) -> None:
    outer, _, inner = name.partition(".")
    if isinstance(cell, int):
        data[name] = cell
    elif inner:
        number = name in _PLACES and _DECIMAL.fullmatch(cell)
        data.setdefault(outer, {})[inner] = float(cell) if number else cell
    else:
        data[name] = int(cell) if name in _WHOLE_NUMBERS and _WHOLE.fullmatch(cell) else cell


def _revised(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a correction: the original's id and the reason outside, the complete new data inside."""
    outside: dict[str, Any] = {name: data.pop(name) for name in _REVISION if name in data}
    return {**outside, "data": data}


def cells_of(line: bytes, charset: Charset = "utf-8") -> list[str]:
    """Raises EventRejected."""
    try:
        text = line.decode(charset)
    except UnicodeDecodeError as exc:
        raise EventRejected(INVALID_TEXT) from exc
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration) as exc:
        raise EventRejected(reasons.MALFORMED_LINE) from exc


def is_before_header(line: bytes) -> bool:
    """Whether a line has no content, or only the hint for a spreadsheet that commas separate the columns."""
    return not line.strip(b", \t\r") or line.strip().lower() == b"sep=,"


def header_of(line: bytes, *, event_type: str | None, charset: Charset = "utf-8") -> tuple[str, ...]:
    """The columns in the first line of a file. Columns without a name are empty.

    Raises BadFile, also for a misspelt column, which must not be lost.
    """
    try:
        names = tuple(name.strip() for name in cells_of(line, charset))
    except EventRejected as exc:
        raise BadFile(reasons.NOT_UTF8 if exc.code == INVALID_TEXT else reasons.MALFORMED_LINE) from exc
    if len(names) == 1 and set(names[0]) & set(_OTHER_SEPARATORS):
        raise BadFile(reasons.WRONG_SEPARATOR)
    if unknown := [name for name in names if name and name not in _KNOWN]:
        raise BadFile(reasons.UNKNOWN_COLUMN, _shown(unknown))
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise BadFile(reasons.DUPLICATE_COLUMN, _shown(twice))
    required = ["id"] if event_type else ["id", "type"]
    if missing := [name for name in required if name not in names]:
        raise BadFile(reasons.MISSING_COLUMN, _shown(missing))
    return names


def _shown(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:_NAME_CHARS_MAX]) for name in names[:_NAMES_SHOWN])


def template(event_type: str) -> str:
    """A header and one example row for an event type."""
    columns = ("id", "type", *_ACCOUNT, *COLUMNS[event_type])
    vehicle = "metro" if event_type == event_types.TRANSIT else "bicycle"
    own = {"id": "order-20261123-000001", "type": event_type, "vehicle_type": vehicle}
    if event_type == event_types.TRIP:
        own["propulsion_type"] = "human"
    row = [own.get(name, _SAMPLE.get(name, "")) for name in columns]
    return ",".join(columns) + "\n" + ",".join(row) + "\n"
