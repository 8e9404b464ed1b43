"""Use cases: two operators give another one a role, or take it away.

A given role is in the next access token of its holder, within five minutes. Taking a role ends the holder's sessions:
accounts refuses their tokens at once, the other services when the last token expires, within five minutes.
"""

from collections.abc import Mapping
from typing import Any, Final

from services.accounts.operator_accounts import service as accounts
from services.accounts.operator_accounts.domain import GIVERS_MIN, GIVING_SCOPE, may_give_roles
from services.accounts.operator_roles.errors import OwnRoles, RoleGiversNeeded, RoleUnchanged
from services.accounts.operator_sessions import service as sessions
from services.accounts.operator_sessions.errors import OperatorNotFound
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal, is_same_person
from shared.auth.tokens import Operator
from shared.db import Session

GIVE, TAKE = "operator_role.give", "operator_role.take"
# As everywhere in the audit log: one search finds all about an operator.
_ABOUT: Final = "operator:"


async def propose(
    session: Session, approvals: Approvals, *, kind: str, subject: str, role: str, reason: str, operator: Operator
) -> Proposal:
    """Propose to give or to take a role. Raises OwnRoles, OperatorNotFound, RoleUnchanged, RoleGiversNeeded,
    ProposalOpen."""
    if is_same_person(operator.subject, subject):
        raise OwnRoles
    return await approvals.propose(
        session, kind=kind, subject=_ABOUT + subject, content={"role": role}, reason=reason, operator=operator
    )


def kinds() -> tuple[Kind, ...]:
    return (
        Kind(GIVE, GIVING_SCOPE, _preview_giving, _give, check_decider=_require_another),
        Kind(TAKE, GIVING_SCOPE, _preview_taking, _take, check_decider=_require_another),
    )


async def _preview_giving(session: Session, about: str, content: Mapping[str, Any]) -> Change:
    """Raises OperatorNotFound, RoleUnchanged."""
    found = await accounts.lock_operator(session, subject=_subject_of(about))
    if found is None:
        raise OperatorNotFound
    if content["role"] in found.roles:
        raise RoleUnchanged
    return Change({"roles": list(found.roles)}, {"roles": sorted([*found.roles, content["role"]])})


async def _give(session: Session, proposal: Proposal) -> None:
    await accounts.give_role(session, subject=_subject_of(proposal.subject), role=proposal.content["role"])


async def _preview_taking(session: Session, about: str, content: Mapping[str, Any]) -> Change:
    """Lock all operators: of two approvals at once the second one counts after the first.

    Raises OperatorNotFound, RoleUnchanged, RoleGiversNeeded.
    """
    operators = {one.subject: one for one in await accounts.lock_operators(session)}
    found = operators.get(_subject_of(about))
    if found is None:
        raise OperatorNotFound
    if content["role"] not in found.roles:
        raise RoleUnchanged
    left = [role for role in found.roles if role != content["role"]]
    if may_give_roles(found.roles) and not may_give_roles(left):
        others = [one for one in operators.values() if one.subject != found.subject and one.disabled_at is None]
        if sum(may_give_roles(one.roles) for one in others) < GIVERS_MIN:
            raise RoleGiversNeeded
    return Change({"roles": list(found.roles)}, {"roles": left})


async def _take(session: Session, proposal: Proposal) -> None:
    subject, role = _subject_of(proposal.subject), proposal.content["role"]
    operator_id = await accounts.take_role(session, subject=subject, role=role)
    assert proposal.decided_by is not None  # an approved proposal
    await sessions.end_all(session, operator_id=operator_id, by=proposal.decided_by, reason=f"role taken away: {role}")


def _require_another(proposal: Proposal, decider: str) -> None:
    """Raises OwnRoles."""
    if is_same_person(decider, _subject_of(proposal.subject)):
        raise OwnRoles


def _subject_of(about: str) -> str:
    return about.removeprefix(_ABOUT)
