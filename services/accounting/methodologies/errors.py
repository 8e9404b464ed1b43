"""Errors of methodology and factor documents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.errors import Conflict, FieldError, InvalidRequest, NotFound
from shared.language import Text

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a document. `line` and `column` count from 1. They are 0 if the position is unknown."""

    code: str
    path: Path
    text: Text
    line: int = 0
    column: int = 0

    @property
    def field(self) -> str:
        return ".".join(str(part) for part in self.path)

    @property
    def message(self) -> str:
        if not self.line:
            return f"{self.text.zh} {self.text.en}"
        zh, en = f"第 {self.line} 行第 {self.column} 列", f"Line {self.line}, column {self.column}"
        return f"{zh}：{self.text.zh} {en}: {self.text.en}"


class DocumentInvalid(InvalidRequest):
    """A methodology or factor document with faults. `problems` has all of them."""

    code = "DOCUMENT_INVALID"
    title_zh = "方法学文件有错误"
    title_en = "The methodology document has faults"
    detail_zh = "共 {count} 处错误，请逐条修改。"
    detail_en = "{count} fault(s). Correct each of them."

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        super().__init__(
            field_errors=[FieldError(p.field, p.code, p.message) for p in self.problems], count=len(self.problems)
        )

    def __str__(self) -> str:
        return "; ".join(f"{p.field or 'document'}: {p.code}: {p.message}" for p in self.problems)


class AmbiguousMethodologies(InvalidRequest):
    """Two versions would apply to the same act."""

    code = "METHODOLOGIES_OVERLAP"
    title_zh = "方法学适用范围重叠"
    title_en = "Methodologies overlap"
    detail_zh = "{first} 与 {second} 在 {region} 自 {since} 起同时适用于同一类行为。"
    detail_en = "{first} and {second} both apply to the same acts in {region} from {since}."


class CapMismatch(InvalidRequest):
    """Two documents use one cap id for different caps, so one counter would count both."""

    code = "CAP_MISMATCH"
    title_zh = "同一上限编号含义不一致"
    title_en = "One cap id with two meanings"
    detail_zh = "上限 {cap_id} 在 {first} 与 {second} 中的周期、计量方式或对象不同。"
    detail_en = "The period, measure or subject of cap {cap_id} differs between {first} and {second}."


class FormulaFault(Exception):
    """A formula that cannot be parsed or has inconsistent units. Positions count from 1 inside the formula."""

    def __init__(self, code: str, text: Text, *, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{code} at {line}:{column}: {text.en}")
        self.code, self.text, self.line, self.column = code, text, line, column


class NotComputable(Exception):
    """The formula has no value for these inputs (a division by zero)."""


class MethodologyNotFound(NotFound):
    code = "METHODOLOGY_NOT_FOUND"
    title_zh = "没有这个方法学版本"
    title_en = "No such methodology version"


class PublishedDocumentDiffers(Conflict):
    """A published document never changes. Other content needs another version or vintage."""

    code = "PUBLISHED_DOCUMENT_DIFFERS"
    title_zh = "已发布的文件不可更改"
    title_en = "A published document never changes"
    detail_zh = "{name} 已发布且内容不同，请使用新的版本号。"
    detail_en = "{name} is published with other content. Use a new version."
