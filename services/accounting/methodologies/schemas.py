"""HTTP models of the public methodology library."""

from datetime import date
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field

from services.accounting.methodologies.document import EventType, SourceStatus
from services.accounting.methodologies.source import MAX_BYTES
from shared.http_language import Bilingual
from shared.instants import Instant
from shared.openapi.closed import one_of

YamlText = Annotated[str, Field(min_length=1, max_length=MAX_BYTES, description="YAML 全文 The document as YAML")]

STATES: Final = ("scheduled", "in_force", "superseded", "expired", "retired", "shelf")


class Example(BaseModel):
    """One worked example. Every example passed before its document was shipped or published."""

    title: Bilingual
    input: dict[str, Any] = Field(description="行为的数据 Given fields of the act; the methodology supplies the others")
    repeats: dict[str, Any] | None = Field(None, description="同一行为此前的另一次上报 The same act, reported before")
    after: int = Field(0, description="当天此前同样行为的次数 Identical acts of the same day before it")
    day: date | None = Field(None, description="行为日期，空为生效首日 Its day; null for the first day in force")
    expect_mg: int
    display: str
    expect_reason: str | None = None


class Source(BaseModel):
    """The source of a document or of one of its factors, and how reliable it is."""

    name: Bilingual
    source: str = Field(
        description="文号、链接、日期或出处 Number, address and date, or the source named by the factor"
    )
    status: Annotated[str, one_of(get_args(SourceStatus))]


class MethodologySummary(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "code": "WH-APP-BUS",
                "version": 1,
                "scene": "bus",
                "title": {"zh": "公交出行", "en": "Bus rides"},
                "summary": {"zh": "每次累计 150 克", "en": "150 g a ride"},
                "region": "420100",
                "source_status": "published_app_value",
                "issuable": False,
                "trust": "published_app_value",
                "status": "published",
                "state": "in_force",
                "event": "transit.ridden",
                "reportable": True,
                "effective_from": "2023-06-01",
                "effective_to": None,
                "formula": "rides * per_trip",
                "sources": [
                    {
                        "name": {"zh": "“武碳江湖”各低碳场景减排量公示值", "en": "Published values of the app"},
                        "source": "2024-07",
                        "status": "published_app_value",
                    }
                ],
                "examples": [
                    {
                        "title": {"zh": "乘一次公交", "en": "one ride"},
                        "input": {},
                        "expect_mg": 150_000,
                        "display": "150 克",
                    }
                ],
                "sha256": "…",
                "published_at": "2026-11-22T16:00:00+08:00",
            }
        }
    )

    code: str
    version: int
    scene: str
    title: Bilingual
    summary: Bilingual
    region: str = Field(description="GB/T 2260")
    source_status: Annotated[str, one_of(get_args(SourceStatus))]
    trust: Annotated[str, one_of(get_args(SourceStatus))] = Field(
        description="方法学与全部因子中最弱的来源 The weakest source among the document and its factors"
    )
    issuable: bool = Field(description="能否签发为减排量 Whether its grams may become tonnes")
    status: Annotated[str, one_of(("published", "retired", "shelf"))]
    state: Annotated[str, one_of(STATES)] = Field(
        description="按今天；shelf：随平台提供，未在本地发布 As of today. shelf: shipped but not published here"
    )
    event: Annotated[str, one_of(get_args(EventType))] = Field(description="适用的事件 The event it applies to")
    reportable: bool = Field(description="合作方现在能否上报这类行为 Whether partners can report such acts today")
    effective_from: date
    effective_to: date | None
    formula: str
    sources: list[Source] = Field(description="文件及其因子的来源 Of the document and of its factors")
    examples: list[Example] = Field(description="算例，全部通过核算测试 Worked examples, all of them recomputed")
    sha256: str
    published_at: Instant | None = Field(description="书架上的为空 Null on the shelf")


class MethodologyDetail(MethodologySummary):
    document: dict[str, Any] = Field(
        description="完整文件，含公式、因子、上限和算例 The whole document with its examples"
    )


class CalendarPeriod(BaseModel):
    code: str
    version: int
    effective_from: date
    effective_to: date | None = Field(description="不含当日，空 = 无终止日 Day after the last one, null = no end")


class CalendarGap(BaseModel):
    """Days on which acts of a version have no version of their region after it has ended."""

    code: str = Field(description="此前适用的版本 The version that applied before")
    version: int
    begins_on: date
    ends_before: date | None = Field(description="不含当日，空 = 此后一直没有 Day after the last one, null = no end")
    acts: list[str] = Field(
        description="其中哪些行为，空 = 该版本的全部行为 Which of its acts, empty = all acts of the version",
        examples=[["vehicle_type=metro"]],
    )
    fallback: list[str] = Field(
        description="期间改由这些上级地区的版本核算 Versions of wider regions that judge such acts meanwhile",
        examples=[["HB-BUS v1"]],
    )
    uncovered: bool = Field(description="是否有行为没有任何版本可用 Whether some acts have no version at all")


class CalendarLine(BaseModel):
    """The versions of one scene and region in the order of their days."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "scene": "bus",
                "region": "420100",
                "periods": [
                    {"code": "WH-APP-BUS", "version": 1, "effective_from": "2023-06-01", "effective_to": "2027-01-01"}
                ],
                "gaps": [
                    {
                        "code": "WH-APP-BUS",
                        "version": 1,
                        "begins_on": "2027-01-01",
                        "ends_before": None,
                        "acts": [],
                        "fallback": [],
                        "uncovered": True,
                    }
                ],
            }
        }
    )

    scene: str
    region: str = Field(description="GB/T 2260，空 = 全国 empty = the whole country")
    periods: list[CalendarPeriod]
    gaps: list[CalendarGap]


class CalendarListing(BaseModel):
    items: list[CalendarLine]


class FactorView(BaseModel):
    factor_id: str
    vintage: int
    name: Bilingual
    region: str
    unit: str
    value: str = Field(description="十进制数 Exact decimal")
    source: str
    source_status: Annotated[str, one_of(get_args(SourceStatus))]
    sha256: str | None = Field(description="来源文件的哈希 Hash of the source document, if known")


class FactorListing(BaseModel):
    items: list[FactorView]


class ShelfSummary(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "code": "HB-CSAE235-EV",
                "version": 3,
                "scene": "ev_ride",
                "title": {"zh": "纯电动乘用车出行（按里程，湖北电网）", "en": "Electric-car trips by distance"},
                "summary": {"zh": "按里程计算", "en": "Counted by distance"},
                "region": "42",
                "event": "trip.completed",
                "reportable": True,
                "source_status": "secondary",
                "trust": "unverified",
                "formula": "distance * (petrol_use * petrol - electricity_use * grid / (1 - loss))",
                "sha256": "…",
            }
        }
    )

    code: str
    version: int
    scene: str
    title: Bilingual
    summary: Bilingual
    region: str = Field(description="GB/T 2260，空 = 全国 empty = the whole country")
    event: Annotated[str, one_of(get_args(EventType))]
    reportable: bool = Field(description="合作方现在能否上报这类行为 Whether partners can report such acts today")
    source_status: Annotated[str, one_of(get_args(SourceStatus))]
    trust: Annotated[str, one_of(get_args(SourceStatus))] = Field(
        description="方法学与全部因子中最弱的来源 The weakest source among the document and its factors"
    )
    formula: str
    sha256: str


class ShelfDetail(ShelfSummary):
    document: dict[str, Any] = Field(description="完整文件，含算例 The whole document with its examples")
    yaml: str = Field(
        description="原文，改好生效日即可作为草案提交 The text as written. Set effective_from and use it as a draft"
    )


class ShelfListing(BaseModel):
    items: list[ShelfSummary]
