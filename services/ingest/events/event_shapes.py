"""The types of the events that partners send, with names and units of MDS and GBFS. Quantities are integers.

The bounds exclude values that cannot be meant. Values that are well formed but implausible (a ride of 0 m or of
3,000 km) are accepted: accounting judges them and gives a reason that the citizen can read.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

DISTANCE_M_MAX: Final = 10_000_000  # a quarter of the equator
DURATION_S_MAX: Final = 366 * 86_400
WEIGHT_G_MAX: Final = 10_000_000  # ten tonnes
ENERGY_WH_MAX: Final = 10_000_000_000  # ten gigawatt-hours: no household, and far below 64 bits
COUNT_MAX: Final = 10_000

# Control characters break logs and files, and the database refuses NUL.
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"

EventId = Annotated[str, Meta(min_length=1, max_length=128, pattern=_PRINTABLE)]
OrderNo = Annotated[str, Meta(min_length=1, max_length=64, pattern=_PRINTABLE)]
Reference = Annotated[str, Meta(min_length=1, max_length=128, pattern=_PRINTABLE)]
Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=_PRINTABLE)]
CityCode = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z")]
Instant = Annotated[datetime, Meta(tz=True)]
# MDS writes times as milliseconds since 1970. These are those of 2000 to 2099: seconds are below, microseconds above.
EPOCH_MS_MIN: Final = 946_684_800_000
EPOCH_MS_END: Final = 4_102_444_800_000
ActTime = Instant | Annotated[int, Meta(ge=EPOCH_MS_MIN, lt=EPOCH_MS_END)]
Metres = Annotated[int, Meta(ge=0, le=DISTANCE_M_MAX)]
Seconds = Annotated[int, Meta(ge=0, le=DURATION_S_MAX)]
Grams = Annotated[int, Meta(ge=0, le=WEIGHT_G_MAX)]
WattHours = Annotated[int, Meta(ge=0, le=ENERGY_WH_MAX)]
Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]
Slug = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]

VehicleType = Literal[
    "bicycle", "bus", "car", "moped", "motorcycle", "scooter_standing", "scooter_seated", "cargo_bicycle", "truck",
    "metro", "other",
]  # fmt: skip
PropulsionType = Literal[
    "human", "electric_assist", "electric", "combustion", "combustion_diesel", "hybrid", "plug_in_hybrid",
    "hydrogen_fuel_cell",
]  # fmt: skip
# MDS 2.0: `rider` for micromobility, the others for passenger services and car share. `reservation` is the way to a
# customer and `empty` any other movement: neither has a passenger.
TripType = Literal["rider", "private", "shared", "reservation", "empty"]
CoordinateSystem = Literal["WGS84", "GCJ02", "BD09"]
AccountRefType = Literal["open_id", "phone_hash", "account_no"]
TransitVehicle = Literal["metro", "bus"]


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The CloudEvents 1.0 attributes. Extension attributes of partners and brokers are welcome and ignored."""

    specversion: Literal["1.0"]
    id: EventId
    source: str
    type: str
    data: Raw | UnsetType = UNSET
    data_base64: Raw | UnsetType = UNSET
    time: Instant | None = None
    datacontenttype: str | None = None


class AccountRef(msgspec.Struct, frozen=True, kw_only=True):
    type: AccountRefType
    value: Reference


class Location(msgspec.Struct, frozen=True, kw_only=True):
    lat: Annotated[float, Meta(ge=-90, le=90)]
    lng: Annotated[float, Meta(ge=-180, le=180)]


class TripCompleted(msgspec.Struct, frozen=True, kw_only=True):
    account_ref: AccountRef
    trip_id: OrderNo
    vehicle_type: VehicleType
    propulsion_type: PropulsionType | None = None
    trip_type: TripType | None = None
    start_time: ActTime
    end_time: ActTime
    duration: Seconds | None = None
    distance: Metres
    passenger_count: Count | None = None
    start_location: Location | None = None
    end_location: Location | None = None
    coordinate_system: CoordinateSystem | None = None
    city_code: CityCode
    vehicle_ref: OrderNo | None = None
    trip_attributes: Raw | UnsetType = UNSET


class TripAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """Of the mode-specific attributes in MDS only the number of passengers is used."""

    passenger_count: Count | None = None


class TransitRidden(msgspec.Struct, frozen=True, kw_only=True):
    account_ref: AccountRef
    ride_id: OrderNo
    vehicle_type: TransitVehicle
    line: OrderNo | None = None
    boarded_at: ActTime
    alighted_at: ActTime | None = None
    distance: Metres | None = None
    city_code: CityCode


class RecyclingDeposited(msgspec.Struct, frozen=True, kw_only=True):
    account_ref: AccountRef
    deposit_id: OrderNo
    material: Slug
    weight_g: Grams
    machine_ref: OrderNo
    occurred_at: ActTime
    city_code: CityCode


class BagReused(msgspec.Struct, frozen=True, kw_only=True):
    account_ref: AccountRef
    receipt_no: OrderNo
    count: Count
    occurred_at: ActTime
    city_code: CityCode


class EnergySaved(msgspec.Struct, frozen=True, kw_only=True):
    account_ref: AccountRef
    meter_ref: OrderNo
    period_start: ActTime
    period_end: ActTime
    energy_wh: WattHours
    baseline_wh: WattHours | None = None
    city_code: CityCode


Report = TripCompleted | TransitRidden | RecyclingDeposited | BagReused | EnergySaved


class EventCorrected(msgspec.Struct, frozen=True, kw_only=True):
    """`data` is the complete corrected data, of the same type as the original."""

    original_id: EventId
    reason: Reason
    data: Raw


class EventCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """`original_id` links it to the original. With the same `account_ref` it also follows it in the same partition."""

    original_id: EventId
    reason: Reason
    account_ref: AccountRef | None = None
    data: Raw | UnsetType = UNSET


class CorrectionProbe(msgspec.Struct, frozen=True, kw_only=True):
    """Tells which report the data of a correction is: each report type has one field that no other has."""

    trip_id: Raw | UnsetType = UNSET
    ride_id: Raw | UnsetType = UNSET
    deposit_id: Raw | UnsetType = UNSET
    receipt_no: Raw | UnsetType = UNSET
    meter_ref: Raw | UnsetType = UNSET


def refusing_unknown_fields(shape: type[msgspec.Struct]) -> type[Any]:
    """The same type, but refusing unknown fields, also in nested objects. Fields of an MDS trip are known."""
    unused = _MDS_TRIP if shape is TripCompleted else ()
    inner: list[tuple[str, Any, Any]] = [(name, Raw | UnsetType, UNSET) for name in unused]
    for field in msgspec.structs.fields(shape):
        if field.type is AccountRef:
            inner.append((field.name, _StrictAccountRef, msgspec.NODEFAULT))
        elif field.type == AccountRef | None:
            inner.append((field.name, _StrictAccountRef | None, None))
        elif field.type == Location | None:
            inner.append((field.name, _StrictLocation | None, None))
    return msgspec.defstruct(
        f"Strict{shape.__name__}", inner, bases=(shape,), frozen=True, kw_only=True, forbid_unknown_fields=True
    )


def without_patterns(shape: type[msgspec.Struct]) -> type[Any]:
    """The same type without the patterns for printable text, which take half of the decoding time.

    Only for JSON without a backslash and without DEL. Its strings cannot hold a control character, so the patterns
    would match anyway.
    """
    inner = [
        (field.name, _PLAIN[field.type], field.default)
        for field in msgspec.structs.fields(shape)
        if field.type in _PLAIN
    ]
    return msgspec.defstruct(f"Plain{shape.__name__}", inner, bases=(shape,), frozen=True, kw_only=True)


class _StrictAccountRef(AccountRef, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _StrictLocation(Location, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With the other fields of a place in MDS, which are ignored."""

    altitude: Raw | UnsetType = UNSET
    heading: Raw | UnsetType = UNSET
    speed: Raw | UnsetType = UNSET
    horizontal_accuracy: Raw | UnsetType = UNSET
    vertical_accuracy: Raw | UnsetType = UNSET
    satellites: Raw | UnsetType = UNSET


# The other fields of a trip in MDS 2.0 (data-types.md, Trips). They are ignored and never stored.
_MDS_TRIP: Final = (
    "provider_id", "data_provider_id", "device_id", "journey_id", "journey_attributes", "fare_attributes",
    "publication_time", "accessibility_attributes", "parking_verification_url", "parking_category", "standard_cost",
    "actual_cost", "currency",
)  # fmt: skip


class _PlainAccountRef(AccountRef, frozen=True, kw_only=True):
    value: Annotated[str, Meta(min_length=1, max_length=128)]


_PlainOrderNo = Annotated[str, Meta(min_length=1, max_length=64)]
_PLAIN: Final[dict[Any, Any]] = {
    EventId: Annotated[str, Meta(min_length=1, max_length=128)],
    OrderNo: _PlainOrderNo,
    OrderNo | None: _PlainOrderNo | None,
    Reason: Annotated[str, Meta(min_length=1, max_length=200)],
    AccountRef: _PlainAccountRef,
    AccountRef | None: _PlainAccountRef | None,
}
