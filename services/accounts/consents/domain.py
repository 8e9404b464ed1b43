"""Purposes that a person consents to separately, and the actors of changes. Pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from shared.contracts import consents_v1 as names

# The partner through which steps of WeChat are reported: its acts need the consent `health_steps`.
STEPS_PARTNER: Final = "wechat"

Actor = Literal["self", "guardian", "policy"]
Channel = Literal["app", "account", "binding", "guardian", "age", "policy", "migration"]
Change = Literal["given", "renewed", "withdrawn", "expired"]


class Purpose(StrEnum):
    """Purposes that a person consents to separately. Beside them, each partner is one: `partner:<id>`."""

    DATA_PROCESSING = names.DATA_PROCESSING
    LOCATION = names.LOCATION
    HEALTH_STEPS = names.HEALTH_STEPS
    POOLING = names.POOLING
    RANKINGS = names.RANKINGS
    MESSAGES = names.MESSAGES
    RESEARCH = names.RESEARCH


def partner_purpose(partner_id: str) -> str:
    return names.PARTNER_PREFIX + partner_id


def partner_of(purpose: str) -> str | None:
    """Return the partner of a purpose `partner:<id>`."""
    return purpose.removeprefix(names.PARTNER_PREFIX) if purpose.startswith(names.PARTNER_PREFIX) else None


def stops_bindings(purpose: str) -> bool:
    """Whether acts stop counting when this consent ends."""
    return purpose in {Purpose.DATA_PROCESSING, Purpose.HEALTH_STEPS} or partner_of(purpose) is not None


def binding_end(ends: Mapping[str, datetime | None], partner_id: str) -> datetime | None:
    """Return from when acts at this partner no longer count. `ends` are the ends of the newest consents by purpose.

    None: they count without an end. A purpose that was never consented to does not stop them: a binding is not created
    without consent.
    """
    needed = [Purpose.DATA_PROCESSING.value, partner_purpose(partner_id)]
    if partner_id == STEPS_PARTNER:
        needed.append(Purpose.HEALTH_STEPS.value)
    return min((end for purpose in needed if (end := ends.get(purpose)) is not None), default=None)
