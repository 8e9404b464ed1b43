"""Public view of a version (its state, sources and worked examples) and of the calendar."""

from datetime import date

from services.accounting.methodologies.compiled import Compiled
from services.accounting.methodologies.coverage import Line
from services.accounting.methodologies.document import DocumentText, IssuingDocument
from services.accounting.methodologies.document import Example as WorkedExample
from services.accounting.methodologies.schemas import (
    CalendarGap,
    CalendarLine,
    CalendarPeriod,
    Example,
    MethodologySummary,
    Source,
)
from services.accounting.methodologies.service import Published
from services.accounting.methodologies.shelf import reportable, trust_of
from shared.amounts import display
from shared.http_language import Bilingual
from shared.language import Language


def bilingual(text: DocumentText) -> Bilingual:
    return Bilingual(zh=text.zh, en=text.en)


def _example(worked: WorkedExample, language: Language) -> Example:
    repeats = worked.repeats
    return Example(
        title=bilingual(worked.title),
        input=worked.input.model_dump(exclude_none=True),
        repeats=repeats.model_dump(exclude_none=True) if repeats is not None else None,
        after=worked.after,
        day=worked.date,
        expect_mg=worked.expect_mg,
        display=display(worked.expect_mg, language),
        expect_reason=worked.expect_reason,
    )


def _cited(document: IssuingDocument) -> str:
    return ", ".join(part for part in (document.number, document.url, document.published_on) if part)


def _sources(version: Compiled) -> list[Source]:
    document = version.document
    own = Source(
        name=bilingual(document.document.title), source=_cited(document.document), status=document.source_status
    )
    factors = (
        Source(name=bilingual(factor.name), source=factor.source, status=factor.source_status)
        for factor in version.factors.values()
    )
    return [own, *factors]


def summary(version: Compiled, published: Published | None, *, today: date, language: Language) -> MethodologySummary:
    """Return the view of a version. `published` is None for a version on the shelf."""
    document = version.document
    return MethodologySummary(
        code=document.code,
        version=document.version,
        scene=document.scene,
        title=bilingual(document.title),
        summary=bilingual(document.summary),
        region=document.region,
        source_status=document.source_status,
        trust=trust_of(version),
        issuable=document.issuable,
        status=published.status if published else "shelf",
        state=published.state_on(today) if published else "shelf",
        event=document.applies_to.event,
        reportable=reportable(version),
        effective_from=document.effective_from,
        effective_to=published.effective_to if published else document.effective_to,
        formula=document.formula,
        sources=_sources(version),
        examples=[_example(worked, language) for worked in document.examples],
        sha256=version.sha256,
        published_at=published.published_at if published else None,
    )


def calendar_line(line: Line) -> CalendarLine:
    return CalendarLine(
        scene=line.scene,
        region=line.region,
        periods=[
            CalendarPeriod(
                code=period.document.code,
                version=period.document.version,
                effective_from=period.first,
                effective_to=_end(period.end),
            )
            for period in line.periods
        ],
        gaps=[
            CalendarGap(
                code=gap.after.document.code,
                version=gap.after.document.version,
                begins_on=gap.first,
                ends_before=_end(gap.end),
                acts=list(gap.acts),
                fallback=list(gap.fallback),
                uncovered=gap.uncovered,
            )
            for gap in line.gaps
        ],
    )


def _end(day: date) -> date | None:
    return None if day == date.max else day
