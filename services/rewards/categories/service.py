"""Use cases of categories."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from services.rewards.audit.service import log
from services.rewards.categories import repository
from services.rewards.categories.errors import CategoryNotFound, TooManyCategories
from shared.db import Session
from shared.language import Text

# They are the tabs of one screen.
CATEGORIES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Category:
    """A hidden one is no tab of the mall. Its items are found by search."""

    category_id: str
    name: Text
    position: int
    hidden: bool


def _category(row: Any) -> Category:
    return Category(row.category_id, Text(row.name_zh, row.name_en), row.position, row.hidden)


async def list_categories(session: Session) -> list[Category]:
    """Return all, in the order of the mall."""
    return [_category(row) for row in await repository.listed(session, CATEGORIES_MAX)]


async def require(session: Session, *, category_id: str) -> None:
    """Raises CategoryNotFound."""
    if await repository.find(session, category_id) is None:
        raise CategoryNotFound


async def add_missing(session: Session, categories: Sequence[Category]) -> None:
    """Add categories. Existing ones are not changed."""
    for one in categories:
        await repository.insert_missing(session, category_id=one.category_id, **_columns(one))


async def save(session: Session, *, category: Category, reason: str, operator: str) -> Category:
    """Make or change a category. Raises TooManyCategories."""
    await repository.lock(session)
    row = await repository.find(session, category.category_id)
    if row is None and await repository.count(session) >= CATEGORIES_MAX:
        raise TooManyCategories(most=CATEGORIES_MAX)
    before = None if row is None else _state(_category(row))
    if before == _state(category):
        return category
    await repository.save(session, category.category_id, **_columns(category))
    await log.record(
        session,
        subject=operator,
        action="category.save",
        about=category.category_id,
        reason=reason,
        before=before,
        after=_state(category),
    )
    return category


def _columns(category: Category) -> dict[str, Any]:
    return {
        "name_zh": category.name.zh,
        "name_en": category.name.en,
        "position": category.position,
        "hidden": category.hidden,
    }


def _state(category: Category) -> dict[str, Any]:
    return {**asdict(category), "name": category.name._asdict()}
