"""Roles of members, and what the life of an invitation is. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, Literal

from shared.contracts.enterprises_v1 import ROLES, EnterpriseRole

MembershipState = Literal["invited", "active"]
# Who manages members and documents, and closes the enterprise.
ADMIN: Final[tuple[EnterpriseRole, ...]] = ("admin",)
# A person answers between two visits of the mini-program.
INVITATION_LIFE: Final = timedelta(days=14)


def in_order(roles: Collection[str]) -> list[EnterpriseRole]:
    """Return the roles in one order, each once."""
    return [role for role in ROLES if role in roles]


def is_expired(invited_at: datetime, accepted_at: datetime | None, now: datetime) -> bool:
    return accepted_at is None and now >= invited_at + INVITATION_LIFE
