"""Use cases of the receivers of captures: sponsors and campaigns that the ledger knows.

A service that may capture holds chooses the receiver. The list is closed, so it cannot invent one.
"""

from collections.abc import Collection, Sequence
from typing import Any

from services.accounting.ledger import targets_repository as repository
from services.accounting.ledger.errors import CaptureTargetExists, CaptureTargetUnknown
from shared.db import Session
from shared.language import Text


async def known_of(session: Session, *, codes: Collection[str]) -> set[str]:
    """Return those of the codes that are registered."""
    return await repository.known_of(session, codes)


async def require_known(session: Session, *, code: str) -> None:
    """Raises CaptureTargetUnknown."""
    if not await repository.known_of(session, [code]):
        raise CaptureTargetUnknown(code=code)


async def require_new(session: Session, *, code: str) -> None:
    """Raises CaptureTargetExists."""
    if await repository.known_of(session, [code]):
        raise CaptureTargetExists


async def add(session: Session, *, code: str, title: Text) -> None:
    """Register a receiver. Raises CaptureTargetExists."""
    if not await repository.add(session, code=code, title_zh=title.zh, title_en=title.en):
        raise CaptureTargetExists


async def add_missing(session: Session, *, code: str, title: Text) -> None:
    """Register a receiver of a new programme. An existing one is not changed."""
    await repository.add(session, code=code, title_zh=title.zh, title_en=title.en)


async def list_targets(session: Session, *, after: str | None, limit: int) -> Sequence[Any]:
    """Return rows of (code, title_zh, title_en, added_at) after a code, by code."""
    return await repository.listed(session, after=after, limit=limit)
