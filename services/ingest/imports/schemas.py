"""HTTP models of imports."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.archive.schemas import Counts
from services.ingest.imports.domain import (
    FILE_BYTES_MAX,
    PART_BYTES,
    Compression,
    FileFormat,
    Mode,
    Status,
    percent,
)
from services.ingest.imports.reasons import message_of
from services.ingest.imports.service import ImportView
from shared.instants import Instant
from shared.language import Language

FileName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]+$")]
_SHA256 = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"


class NewImport(BaseModel):
    """文件信息；随后逐片上传 · The file that will be uploaded in parts."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "file_name": "trips-20261123.csv.gz",
                "format": "csv",
                "compression": "gzip",
                "size_bytes": 21_000_000,
                "sha256": _SHA256,
                "event_type": "trip.completed",
            }
        },
    )

    format: FileFormat
    compression: Compression = "identity"
    size_bytes: int = Field(ge=1, le=FILE_BYTES_MAX, description="所传字节（压缩后） · bytes as uploaded")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="整个文件的 SHA-256 · of the whole file")
    event_type: str | None = Field(None, max_length=100, description="没有 type 列时使用 · for lines without a type")
    file_name: FileName | None = None
    charset: str | None = Field(None, max_length=40, description="utf-8 或 gb18030（含 GBK） · or gb18030, also GBK")
    zone: str | None = Field(
        None, max_length=64, description="CSV 中不带时区的时间所用的时区 · of times without an offset",
        examples=["Asia/Shanghai"],
    )  # fmt: skip
    dry_run: bool = Field(False, description="只校验，不入账 · check only")
    mode: Mode = "import"
    day: date | None = Field(None, alias="date", description="对账日期 · the day of a reconciliation")


class Parts(BaseModel):
    size_bytes: int = Field(description="每片字节数，最后一片可小 · every part but the last", examples=[PART_BYTES])
    expected: int
    missing: list[int] = Field(description="尚未上传的编号（最多列 50 个） · numbers, from 0, at most 50 are listed")


class Progress(BaseModel):
    bytes_total: int
    bytes_read: int
    percent: int
    lines_read: int
    accepted: int = Field(description="通过校验的行 · accepted lines")
    rejected: int = Field(description="未通过的行，逐行见 errors · rejected lines, listed under errors")


class Failure(BaseModel):
    code: str = Field(examples=["NOT_UTF8"])
    message: str


class Import(BaseModel):
    # The alias is for both directions, because the documentation shows the names used in requests.
    model_config = ConfigDict(populate_by_name=True)

    import_id: UUID
    mode: Mode
    status: Status
    dry_run: bool
    file_name: str | None
    charset: str | None = Field(description="所声明的编码 · as stated", examples=["gb18030"])
    zone: str | None = Field(examples=["Asia/Shanghai"])
    day: date | None = Field(alias="date")
    parts: Parts
    progress: Progress
    failure: Failure | None
    outcomes: Counts | None = Field(description="完成后各事件的去向 · events by status, once all lines are read")
    created_at: Instant
    completed_at: Instant | None = Field(description="上传完成 · uploaded")
    finished_at: Instant | None

    @classmethod
    def of(cls, view: ImportView, language: Language) -> "Import":
        row = view.row
        done = row["status"] == "done"
        return cls(
            import_id=row["import_id"],
            mode=row["mode"],
            status=row["status"],
            dry_run=row["dry_run"],
            file_name=row["file_name"],
            charset=row["charset"],
            zone=row["zone"],
            day=row["day"],
            parts=Parts(size_bytes=row["part_bytes"], expected=view.parts_expected, missing=list(view.parts_missing)),
            progress=Progress(
                bytes_total=row["size_bytes"],
                bytes_read=row["bytes_read"],
                percent=100 if done else min(percent(row["bytes_read"], row["size_bytes"]), 99),
                lines_read=row["next_line"] - 1,
                accepted=row["accepted"],
                rejected=row["rejected"],
            ),
            failure=_failure(row["failure"], language),
            outcomes=Counts(**view.outcomes) if view.outcomes is not None else None,
            created_at=row["created_at"],
            completed_at=row["completed_at"],
            finished_at=row["finished_at"],
        )


def _failure(stored: str | None, language: Language) -> Failure | None:
    if stored is None:
        return None
    code, _, detail = stored.partition(" ")
    return Failure(code=code, message=message_of(code, None, language, detail))


class LineError(BaseModel):
    """最多保留前 10,000 行 · the first 10,000 are kept."""

    line: int = Field(description="行号，从 1 开始，含表头 · from 1, the header included", le=2**53)
    id: str | None
    code: str = Field(examples=["INVALID_TYPE"])
    field: str | None = Field(examples=["data.distance"])
    message: str = Field(examples=["字段类型不正确。须为整数，单位米。"])

    @classmethod
    def of(cls, row: Mapping[str, Any], language: Language) -> "LineError":
        return cls(
            line=row["line_no"],
            id=row["event_id"],
            code=row["code"],
            field=row["field"],
            message=message_of(row["code"], row["field"], language),
        )
