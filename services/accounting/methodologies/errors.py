"""Errors of methodology and factor documents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.accounting.sentences import refusals
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
    def located(self) -> Text:
        """The text after its position."""
        if not self.line:
            return self.text
        zh, en = f"第 {self.line} 行第 {self.column} 列", f"Line {self.line}, column {self.column}"
        return Text(f"{zh}：{self.text.zh}", f"{en}: {self.text.en}")

    @property
    def message(self) -> str:
        return " ".join(self.located)


class DocumentInvalid(InvalidRequest):
    """A methodology or factor document with faults. `problems` has all of them."""

    code = "DOCUMENT_INVALID"
    says = refusals.DOCUMENT_INVALID

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        super().__init__(
            field_errors=[FieldError(p.field, p.code, p.located) for p in self.problems], count=len(self.problems)
        )

    def __str__(self) -> str:
        return "; ".join(f"{p.field or 'document'}: {p.code}: {p.message}" for p in self.problems)


class AmbiguousMethodologies(InvalidRequest):
    """Two versions would apply to the same act."""

    code = "METHODOLOGIES_OVERLAP"
    says = refusals.METHODOLOGIES_OVERLAP


class CapMismatch(InvalidRequest):
    """Two documents use one cap id for different caps, so one counter would count both."""

    code = "CAP_MISMATCH"
    says = refusals.CAP_MISMATCH


class FormulaFault(Exception):
    """A formula that cannot be parsed or has inconsistent units. Positions count from 1 inside the formula."""

    def __init__(self, code: str, text: Text, *, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{code} at {line}:{column}: {text.en}")
        self.code, self.text, self.line, self.column = code, text, line, column


class NotComputable(Exception):
    """The formula has no value for these inputs (a division by zero)."""


class MethodologyNotFound(NotFound):
    code = "METHODOLOGY_NOT_FOUND"
    says = refusals.METHODOLOGY_NOT_FOUND


class PublishedDocumentDiffers(Conflict):
    """A published document never changes. Other content needs another version or vintage."""

    code = "PUBLISHED_DOCUMENT_DIFFERS"
    says = refusals.PUBLISHED_DOCUMENT_DIFFERS
