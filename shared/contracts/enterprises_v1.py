"""Topic `accounts.enterprises.v1` (compacted): enterprises, their members and roles, without names of people.

Every service in which a citizen acts for an enterprise projects it.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from shared.contracts.bounds import require_storable

Version = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
EnterpriseName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
EnterpriseStatus = Literal["active", "suspended", "closed"]
EnterpriseKind = Literal[
    "pool_owner",
    "project_owner",
    "covered_emitter",
    "venue",
    "event_organiser",
    "sponsor",
    "verifier",
    "exchange",
    "settlement_bank",
]
EnterpriseRole = Literal["admin", "maker", "checker", "viewer"]
ROLES: Final[tuple[EnterpriseRole, ...]] = ("admin", "maker", "checker", "viewer")


class EnterpriseChanged(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="fact", tag="enterprise"
):
    """The complete state of an enterprise since its approval. The record with the highest `version` is valid.

    Key of the record = `enterprise_id`. `account_id` is its carbon account. An enterprise acts only while it is active.
    `name` is the registered one, as in the public register of enterprises; None in records of before it was published.
    """

    enterprise_id: uuid.UUID
    version: Version
    status: EnterpriseStatus
    kinds: Annotated[tuple[EnterpriseKind, ...], msgspec.Meta(min_length=1, max_length=9)]
    account_id: uuid.UUID
    name: EnterpriseName | None = None
    approved_at: datetime
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.name, self.approved_at, self.changed_at)


class EnterpriseMemberChanged(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="fact", tag="member"
):
    """The complete state of one membership. The record with the highest `version` is valid. Key = `membership_id`.

    `account_id` is the person's carbon account. The membership is [since, until). A role holds as a whole: `admin` is
    neither `maker` nor `checker`.
    """

    membership_id: uuid.UUID
    version: Version
    enterprise_id: uuid.UUID
    account_id: uuid.UUID
    roles: Annotated[tuple[EnterpriseRole, ...], msgspec.Meta(min_length=1, max_length=4)]
    since: datetime
    until: datetime | None = None
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.since, self.until, self.changed_at)
        if self.until is not None and self.until < self.since:
            raise ValueError("an end before its beginning")


EnterpriseFact: TypeAlias = EnterpriseChanged | EnterpriseMemberChanged


def lacks_role(held: Collection[str], wanted: Collection[str]) -> bool:
    """Whether a member with the roles `held` may not do what needs one of `wanted`. No `wanted`: any member may."""
    return bool(wanted) and not set(held) & set(wanted)
