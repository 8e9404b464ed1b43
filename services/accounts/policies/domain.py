"""Families of policy texts, the family that a purpose needs, and the end of consents to a replaced text. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from shared.contracts import consents_v1 as purposes

GENERAL: Final = "general"
# The text for every partner that has no text of its own.
PARTNER_SHARING: Final = "partner_sharing"
OWN_TEXTS: Final = (
    purposes.LOCATION,
    purposes.HEALTH_STEPS,
    purposes.POOLING,
    purposes.RANKINGS,
    purposes.MESSAGES,
    purposes.RESEARCH,
)
FAMILIES: Final = (GENERAL, PARTNER_SHARING, *OWN_TEXTS)


class PolicyDates(NamedTuple):
    """A published version of a family. From `renew_by` on, consents to the texts before it are void."""

    family: str
    version: str
    effective_from: datetime
    renew_by: datetime | None


def families_of(purpose: str) -> tuple[str, ...]:
    """Return the families whose texts a purpose can be consented with. A partner's own text comes first."""
    if purpose.startswith(purposes.PARTNER_PREFIX):
        return purpose, PARTNER_SHARING
    return (GENERAL if purpose == purposes.DATA_PROCESSING else purpose,)


def renewals(published: Iterable[PolicyDates]) -> list[tuple[PolicyDates, str | None]]:
    """Return the texts whose consents end, each with the purpose that this concerns, or None for every one."""
    texts = list(published)
    found: list[tuple[PolicyDates, str | None]] = []
    for text in texts:
        wanted: list[str | None] = [None]
        if text.family == PARTNER_SHARING:
            wanted += sorted({one.family for one in texts if one.family.startswith(purposes.PARTNER_PREFIX)})
        for purpose in wanted:
            example = purpose or _purpose_of(text.family)
            if end_of_consent(texts, purpose=example, family=text.family, version=text.version) is not None:
                found.append((text, purpose))
    return found


def _purpose_of(family: str) -> str:
    if family == PARTNER_SHARING:
        return purposes.PARTNER_PREFIX  # a partner without a text of its own
    return purposes.DATA_PROCESSING if family == GENERAL else family


def are_related(family: str, other: str) -> bool:
    """Whether texts of both families can end the same consent."""
    partners = [one == PARTNER_SHARING or one.startswith(purposes.PARTNER_PREFIX) for one in (family, other)]
    return family == other or all(partners)


def end_of_consent(published: Iterable[PolicyDates], *, purpose: str, family: str, version: str) -> datetime | None:
    """Return when consent to a text ends because a later text must be consented to. None: it does not end.

    A partner's own text comes after the general text for partners, whatever their dates.
    """
    rank = {name: place for place, name in enumerate(reversed(families_of(purpose)))}
    texts = {(one.family, one.version): one for one in published if one.family in rank}
    consented = texts.get((family, version))
    if consented is None:
        return None
    later = [
        one.renew_by
        for one in texts.values()
        if (rank[one.family], one.effective_from) > (rank[family], consented.effective_from)
    ]
    return min((end for end in later if end is not None), default=None)
