"""Roles and their scopes, and the rule of one-time codes. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import pyotp

RoleName = Literal[
    "reader", "service-desk", "partners", "methodologies", "ledger", "tonnes", "rewards", "auditor", "operator-admin",
    "programme-lead",
]  # fmt: skip
# Two operators with this scope give and take roles.
GIVING_SCOPE: Final = "ops:operators"
# Giving a role needs two operators. With fewer of them left, no role could be given any more.
GIVERS_MIN: Final = 2
# The one table of what a role may do. Docs: docs/operators.md. Every role may read.
ROLES: Mapping[str, frozenset[str]] = {
    "reader": frozenset({"ops:read"}),
    "service-desk": frozenset({"ops:read", "ops:accounts"}),
    "partners": frozenset({"ops:read", "ops:partners"}),
    "methodologies": frozenset({"ops:read", "ops:methodologies"}),
    "ledger": frozenset({"ops:read", "ops:ledger"}),
    "tonnes": frozenset({"ops:read", "ops:issuance", "ops:market"}),
    "rewards": frozenset({"ops:read", "ops:rewards"}),
    "auditor": frozenset({"ops:read", "ops:reports"}),
    "operator-admin": frozenset({"ops:read", "ops:operators"}),
    "programme-lead": frozenset(
        {
            "ops:read",
            "ops:accounts",
            "ops:partners",
            "ops:methodologies",
            "ops:ledger",
            "ops:issuance",
            "ops:market",
            "ops:rewards",
            "ops:reports",
            "ops:operators",
        }
    ),
}
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
# Local accounts have subjects of their own. No provider can give one out.
LOCAL_PREFIX = "local:"
TOTP_STEP_S = 30
# Clocks of phones differ by a few seconds, and typing takes some: the steps before and after count as well.
_STEPS_AROUND = 1


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """The scopes of some roles. A role that is gone from the table gives none."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))


def may_give_roles(roles: Iterable[str]) -> bool:
    return GIVING_SCOPE in scopes_of(roles)


def held_roles(own: Iterable[str], *, given: Iterable[str], withheld: Iterable[str]) -> tuple[str, ...]:
    """The roles in force: those of the machine or the provider and the given ones, without the withheld ones."""
    return tuple(sorted({*own, *given} - {*withheld}))


def roles_of(groups: Iterable[str], mapping: Mapping[str, str]) -> tuple[str, ...]:
    """The roles of a provider's groups. What is neither mapped nor a role is left out."""
    named = (mapping.get(group, "") for group in groups) if mapping else iter(groups)
    return tuple(sorted({role for role in named if role in ROLES}))


def matching_step(secret: str, code: str, *, at_s: int) -> int | None:
    """The time step (RFC 6238) whose code this is, or None. The caller uses up the step: a code works once."""
    totp = pyotp.TOTP(secret)
    now = at_s // TOTP_STEP_S
    found = None
    for step in range(now - _STEPS_AROUND, now + _STEPS_AROUND + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), code):
            found = step
    return found
