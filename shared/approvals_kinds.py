"""Kinds of two-person approval: what a room registers, how subjects are spelled, and the refusals of every kind.

`shared/approvals.py` explains how a room registers a kind.
"""

import re
import unicodedata
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from shared import sentences
from shared.errors import Conflict, NotFound

Status = Literal["open", "approved", "rejected", "withdrawn", "expired"]

_SPACES = re.compile(r"\s+")
# Characters that no screen shows, beside those of the categories Cc and Cf.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


class ProposalNotFound(NotFound):
    code = "PROPOSAL_NOT_FOUND"
    says = sentences.PROPOSAL_NOT_FOUND


class ProposalOpen(Conflict):
    code = "PROPOSAL_OPEN"
    says = sentences.PROPOSAL_OPEN


class ProposalDecided(Conflict):
    code = "PROPOSAL_DECIDED"
    says = sentences.PROPOSAL_DECIDED


class SecondPersonNeeded(Conflict):
    """The author or proposer of a change may not approve it."""

    code = "SECOND_PERSON_NEEDED"
    says = sentences.SECOND_PERSON_NEEDED


class NotTheProposer(Conflict):
    code = "NOT_THE_PROPOSER"
    says = sentences.NOT_THE_PROPOSER


@dataclass(frozen=True, slots=True)
class Proposal:
    """One row. `subject` is in the spelling of its kind; nobody decided an expired proposal (`decided_by` is None)."""

    proposal_id: uuid.UUID
    kind: str
    subject: str
    content: Mapping[str, Any]
    reason: str
    status: Status
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """The state of a subject before and after the act, as JSON values for the audit log."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]


def spell_text(subject: str) -> str:
    """Unicode form NFKC, single spaces, none at the ends."""
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", subject)).strip()


def spell_uuid(subject: str) -> str:
    """Lower case with hyphens. Raises ValueError when `subject` is not a UUID."""
    return str(uuid.UUID(subject.strip()))


def is_same_person(first: str, second: str) -> bool:
    """Whether two subjects of tokens are one operator: letter case, spaces and invisible characters do not count."""
    return _seen(first) == _seen(second)


def _seen(subject: str) -> str:
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", subject))
    return _SPACES.sub("", "".join(one for one in plain if unicodedata.category(one) not in {"Cc", "Cf"})).casefold()


Preview = Callable[[AsyncSession, str, Mapping[str, Any]], Awaitable[Change]]
Act = Callable[[AsyncSession, Proposal], Awaitable[None]]
DeciderCheck = Callable[[Proposal, str], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be proposed. See the module's docstring for `preview` and `act`.

    `spell` gives the one spelling of a subject. The audit log names the steps `<name>.propose`, `<name>.approve` and so
    on; `approved_action` replaces the second. `evidence` gives what the entry of an approval holds beside the state
    and the proposal, for example a signature of the decision. `check_decider` raises an AppError for an operator who
    may neither approve nor reject, for example the person whom the proposal is about.
    """

    name: str
    scope: str
    preview: Preview
    act: Act
    spell: Callable[[str], str] = spell_text
    approved_action: str | None = None
    evidence: Callable[[Proposal], Mapping[str, Any]] | None = None
    check_decider: DeciderCheck | None = None
