"""HTTP models of imports and pools."""

import uuid
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.voucher_imports.domain import LineState
from services.rewards.voucher_imports.service import Pool
from shared.instants import Instant

_IMPORT: Final[dict[str, Any]] = {
    "import_id": "019aadf0-7500-7000-8000-000000000001",
    "item_id": "reganmian",
    "file_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "added": 998,
    "known": 0,
    "repeated": 1,
    "refused": 1,
    "imported_by": "ops-ann",
    "imported_at": "2026-11-27T09:30:00+08:00",
}
CSV_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "text/csv": {
            "schema": {"type": "string", "description": "首行为列名，含“券码”或 code 列 A column called code"},
            "example": "券码\nHY-2026-0001\nHY-2026-0002\n",
        }
    },
}


class ImportView(BaseModel):
    """An import. `added + known + repeated + refused` is the number of its lines."""

    model_config = ConfigDict(json_schema_extra={"example": _IMPORT})

    import_id: uuid.UUID
    item_id: str
    file_sha256: str
    added: int
    known: int = Field(description="此前已导入 Imported before")
    repeated: int = Field(description="文件内重复 Twice in the file")
    refused: int = Field(description="不是券码 No code")
    imported_by: str
    imported_at: Instant

    @classmethod
    def of(cls, row: Any) -> "ImportView":
        return cls(**{name: getattr(row, name) for name in ImportView.model_fields})


class ReportLine(BaseModel):
    line: int
    state: LineState


class ImportReport(ImportView):
    """With the lines that were not added, at most 1,000. Codes are not repeated here."""

    model_config = ConfigDict(json_schema_extra={"example": {**_IMPORT, "lines": [{"line": 17, "state": "repeated"}]}})

    lines: list[ReportLine]

    @classmethod
    def of_report(cls, row: Any) -> "ImportReport":
        lines = [ReportLine(line=line, state=LineState(state)) for line, state in row.report]
        return cls(**{name: getattr(row, name) for name in ImportView.model_fields}, lines=lines)


class PoolView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    item_id: str
    loaded: int
    available: int
    codes_free: int
    low: bool = Field(description="不足十分之一，请补券码 Below a tenth: more codes are needed")


class PoolList(BaseModel):
    """The pools of all items, those that run out first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "pools": [{"item_id": "reganmian", "loaded": 1_000, "available": 80, "codes_free": 80, "low": True}]
            }
        }
    )

    pools: list[PoolView]

    @classmethod
    def of(cls, pools: list[Pool]) -> "PoolList":
        return cls(pools=[PoolView.model_validate(pool) for pool in pools])
