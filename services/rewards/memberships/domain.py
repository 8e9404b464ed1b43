"""A household or an enterprise with its members. Pure."""

import uuid
from dataclasses import dataclass
from typing import Literal, TypeAlias

GroupKind: TypeAlias = Literal["household", "enterprise"]


@dataclass(frozen=True, slots=True)
class Group:
    """`members`: the accounts of those who belong to it now. `account_id` is the group's own account."""

    group_id: uuid.UUID
    kind: GroupKind
    account_id: uuid.UUID
    is_active: bool
    members: frozenset[uuid.UUID]
