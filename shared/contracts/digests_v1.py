"""Topics `accounting.digests.v1` and `ingest.digests.v1`: the signed statement of every sealed day. Key = the chain."""

from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec

EVENT_SOURCE: Final = "/accounting"
INGEST_EVENT_SOURCE: Final = "/ingest"
DAY_SEALED_TYPE: Final = "cn.carboninclusion.day.sealed.v1"

Chain = Literal["postings", "records", "partners"]
Hex64 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class DaySealed(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="day.sealed"):
    """One sealed day of a chain. `statement` is the exact text that is hashed, chained and signed.

    Accounting seals `postings`, the chain of postings and activities, and `records`, that of its operators' records.
    Ingest seals `partners`: partners, keys, webhook addresses and its operators' records. Published at least once:
    chain and day identify a repeat. `public_key` and `signature` are Ed25519 in hex, null without a signing key.
    """

    chain: Chain
    day: date
    statement: str
    sha256: Hex64
    public_key: Hex64 | None
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")] | None
    sealed_at: datetime
