"""Use cases of participants: follow consents, choose a pseudonym and a district, leave, and say who takes part."""

import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from services.rewards.erased_accounts import service as erased_accounts
from services.rewards.participants import repository
from services.rewards.participants.data import pseudonyms
from services.rewards.participants.domain import Participant
from services.rewards.participants.errors import PseudonymTaken
from services.rewards.recognition import service as recognition
from shared import clock
from shared.contracts import consents_v1
from shared.contracts.consents_v1 import ConsentChanged
from shared.db import Session
from shared.projection import Items, newest

OFFERED: Final = 6
_DRAWN: Final = 4 * OFFERED
_ENDED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Participation:
    """What a citizen chose. It takes effect while there is a consent."""

    pseudonym: int
    district: str | None
    has_consent: bool


async def handle_consents(session: Session, items: Items[ConsentChanged]) -> None:
    """Follow the consents to rankings. Consumer of `accounts.consents.v1`.

    With the consent ends what was chosen under it: who comes back chooses again.
    """
    changes = newest(
        (change for _, change in items if change.purpose == consents_v1.RANKINGS),
        key=lambda change: change.account_id,
        version=lambda change: change.version,
    )
    erased = await erased_accounts.erased_among(session, changes)
    kept = [change for change in changes.values() if change.account_id not in erased]
    if kept:
        await repository.upsert_consents(session, kept)
        await recognition.mark_accounts(session, account_ids={change.account_id for change in kept})
    await end_consents(session)


async def end_consents(session: Session) -> int:
    """Forget what was chosen under consents that have ended. Return how many ended. Timed job."""
    ended = await repository.close_ended(session, clock.now(), _ENDED_MAX)
    if ended:
        await repository.remove(session, ended)
        await recognition.mark_accounts(session, account_ids=ended)
    return len(ended)


async def offer_pseudonyms(session: Session) -> list[int]:
    """Return some free pseudonyms, drawn at random."""
    drawn = [pseudonyms().number_of(secrets.randbits(64)) for _ in range(_DRAWN)]
    taken = await repository.taken_among(session, drawn)
    return [number for number in dict.fromkeys(drawn) if number not in taken][:OFFERED]


async def take_part(session: Session, *, account_id: uuid.UUID, pseudonym: int, district: str | None) -> Participation:
    """Choose or change a pseudonym and a district. Repeatable. Raises PseudonymTaken."""
    if not await repository.put(session, account_id, pseudonym, district):
        raise PseudonymTaken
    await recognition.mark_accounts(session, account_ids=[account_id])
    return await _participation(session, account_id, pseudonym, district)


async def get_participation(session: Session, *, account_id: uuid.UUID) -> Participation | None:
    row = await repository.find(session, account_id)
    return None if row is None else await _participation(session, account_id, row.pseudonym, row.district)


async def _participation(
    session: Session, account_id: uuid.UUID, pseudonym: int, district: str | None
) -> Participation:
    has_consent = account_id in await repository.taking_part(session, [account_id], clock.now())
    return Participation(pseudonym, district, has_consent)


async def leave(session: Session, *, account_id: uuid.UUID) -> None:
    """Forget the pseudonym and the district. Places on boards go with the next refresh. Repeatable."""
    await repository.remove(session, [account_id])
    await recognition.mark_accounts(session, account_ids=[account_id])


async def taking_part(session: Session, *, account_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Participant]:
    """Return those of these people who take part now: they chose a pseudonym, and their consent holds."""
    return await repository.taking_part(session, sorted(account_ids), clock.now()) if account_ids else {}


async def accounts_after(session: Session, *, after: uuid.UUID, limit: int) -> Sequence[uuid.UUID]:
    """Return accounts that chose a pseudonym, by id."""
    return await repository.accounts_after(session, after, limit)


async def erase_accounts(session: Session, *, account_ids: Collection[uuid.UUID]) -> None:
    if account_ids:
        await repository.erase(session, sorted(account_ids))
