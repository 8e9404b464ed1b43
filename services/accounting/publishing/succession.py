"""Which versions a publication ends, and what a withdrawal gives back. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from services.accounting.methodologies.coverage import Period, can_meet
from services.accounting.methodologies.document import Methodology


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """`effective_to` is the first day on which the version no longer applies; None if it has no end.

    `retired_from` is that day as its own retirement set it. A successor may end the version earlier.
    """

    document: Methodology
    effective_to: date | None
    retired_from: date | None = None

    @property
    def label(self) -> str:
        return f"{self.document.code} v{self.document.version}"

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was retired before its first day, so that it never applied."""
        return self.effective_to == self.document.effective_from

    @property
    def period(self) -> Period:
        return Period(self.document, self.document.effective_from, self.effective_to or date.max)


@dataclass(frozen=True, slots=True)
class ChangedEnd:
    """A version whose end another version's publication or withdrawal moves."""

    version: PublishedVersion
    effective_to: date | None


def superseded_by(document: Methodology, published: Iterable[PublishedVersion]) -> list[PublishedVersion]:
    """Return the versions that end on the day this one begins: older ones of its code, and those of `supersedes`."""
    return [
        other
        for other in published
        if (
            (other.document.code == document.code and other.document.version < document.version)
            or (other.document.code == document.supersedes != document.code)
        )
        and other.document.effective_from < document.effective_from < (other.effective_to or date.max)
    ]


def after_publication(document: Methodology, published: Sequence[PublishedVersion]) -> list[PublishedVersion]:
    """Return the library with the document published."""
    others = [p for p in published if (p.document.code, p.document.version) != (document.code, document.version)]
    ended = superseded_by(document, others)
    kept = [replace(other, effective_to=document.effective_from) if other in ended else other for other in others]
    return [*kept, PublishedVersion(document, document.effective_to)]


def after_retirement(
    version: PublishedVersion, ends_on: date, published: Sequence[PublishedVersion]
) -> list[PublishedVersion]:
    """Return the library with the version retired from `ends_on`.

    On its first day this is a withdrawal: the versions that it superseded go on as if it had never been published. They
    end where their own document or retirement says, or where the next version of their acts begins.
    """
    retired = replace(version, effective_to=ends_on, retired_from=ends_on)
    library = [retired if other == version else other for other in published]
    if not retired.is_withdrawn:
        return library
    return [
        replace(other, effective_to=_end_without(other, retired, library)) if _was_ended_by(other, retired) else other
        for other in library
    ]


def changed_ends(before: Iterable[PublishedVersion], after: Iterable[PublishedVersion]) -> list[ChangedEnd]:
    """Return the versions of `before` that have another end in `after`."""
    ends = {(p.document.code, p.document.version): p.effective_to for p in after}
    changes = [ChangedEnd(p, ends[p.document.code, p.document.version]) for p in before]
    return [change for change in changes if change.effective_to != change.version.effective_to]


def _was_ended_by(other: PublishedVersion, withdrawn: PublishedVersion) -> bool:
    document = withdrawn.document
    return (
        other.document.code in {document.code, document.supersedes}
        and other.effective_to == document.effective_from
        and not other.is_withdrawn
    )


def _end_without(
    other: PublishedVersion, withdrawn: PublishedVersion, library: Iterable[PublishedVersion]
) -> date | None:
    since = withdrawn.document.effective_from
    ends = [other.document.effective_to, other.retired_from]
    ends += [
        next_.document.effective_from
        for next_ in library
        if next_ is not other
        and not next_.is_withdrawn
        and next_.document.effective_from >= since
        and (next_.document.code == other.document.code or can_meet(next_.document, other.document))
    ]
    return min((end for end in ends if end is not None), default=None)
