"""Decodes a block of lines with the same checks as the intake."""

import hashlib
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from services.ingest.events.service import INVALID_TEXT, BatchContext, EventRejected, read_events
from services.ingest.imports import reasons
from services.ingest.imports.columns import Table
from services.ingest.imports.domain import LINE_BYTES_MAX
from services.ingest.imports.text import Charset
from shared.contracts.activities_v1 import ActivityReported


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


def read_block(
    lines: list[bytes], first_line_no: int, batch: BatchContext, table: Table | None, charset: Charset = "utf-8"
) -> Block:
    """`table` describes a CSV file. Without it each line is a CloudEvent in JSON, in that charset."""
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
            event = table.event_of(line) if table is not None else line.decode(charset).encode()
            if event is None:
                continue
            raws.append(Raw(event))
        except UnicodeDecodeError:
            block.errors.append(LineError(line_no, None, INVALID_TEXT, None))
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
