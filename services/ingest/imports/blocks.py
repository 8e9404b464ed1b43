"""Decodes a block of lines with the same checks as the intake."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec import Raw

from services.ingest.events.service import BatchContext, EventRejected, read_events
from services.ingest.imports import reasons
from services.ingest.imports.columns import Table
from services.ingest.imports.domain import LINE_BYTES_MAX
from services.ingest.imports.reasons import BadFile
from shared.contracts.activities_v1 import ActivityReported

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class LineError:
    line_no: int
    event_id: str | None
    code: str
    field: str | None


@dataclass(slots=True)
class Block:
    """The accepted events with the number of their line, and the rejected lines."""

    reports: list[ActivityReported] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)


def first_line(line: bytes) -> bytes:
    """The first line of a file without its byte order mark. Raises BadFile for UTF-16."""
    if line.startswith(_UTF16):
        raise BadFile(reasons.NOT_UTF8)
    return line.removeprefix(_BOM)


def read_block(lines: list[bytes], first_line_no: int, batch: BatchContext, table: Table | None) -> Block:
    """`table` describes a CSV file. Without it each line is a CloudEvent in JSON."""
    block = Block()
    raws: list[Raw] = []
    sources: list[tuple[int, bytes]] = []
    for line_no, stored in enumerate(lines, first_line_no):
        line = stored.removesuffix(b"\r")
        if not line.strip():
            continue
        try:
            if len(line) > LINE_BYTES_MAX:
                raise EventRejected(reasons.LINE_TOO_LONG)  # noqa: TRY301 - one place records all errors of a line
            raws.append(Raw(table.event_of(line) if table is not None else line))
        except EventRejected as rejected:
            block.errors.append(LineError(line_no, None, rejected.code, rejected.field))
        else:
            sources.append((line_no, line))
    for (line_no, line), read in zip(sources, read_events(raws, batch), strict=True):
        if read.reported is None:
            code = read.rejected.code if read.rejected is not None else reasons.MALFORMED_LINE
            field_name = read.rejected.field if read.rejected is not None else None
            block.errors.append(LineError(line_no, read.id, code, field_name))
            continue
        # The partner signed the line, not the event made from it.
        sha256 = hashlib.sha256(line).hexdigest()
        block.reports.append(msgspec.structs.replace(read.reported, raw_sha256=sha256))
        block.lines.append(line_no)
    count = len(block.reports)
    block.reports = [
        msgspec.structs.replace(one, index=index, receipt_accepted=count, receipt_rejected=0)
        for index, one in enumerate(block.reports)
    ]
    block.errors.sort(key=lambda error: error.line_no)
    return block
