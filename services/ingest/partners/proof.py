"""Reads and writes the records that prove partners and keys. `provenance.py` has the rules."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.ingest.approvals import service as approvals
from services.ingest.audit import service as audit
from services.ingest.partners import repository
from services.ingest.partners.provenance import (
    ACTIONS,
    REGISTER,
    RENEW,
    SEED_SUBJECT,
    Entry,
    Opens,
    Records,
    SealedPlace,
    Unproved,
    decision_place,
    recorded_key,
    recorded_partner,
    renewed_seals,
    seal_place,
    sealed_places,
    unproved,
)
from shared.approvals_kinds import Proposal
from shared.db import Session
from shared.sealing import SealBroken, Sealer

# The subject and the reason of the entries that the command of the sealing key writes.
KEYS_SUBJECT: Final = "~keys"
KEYS_REASON: Final = "更换加密密钥 sealed with another key"
_SEALED_TEXT: Final = "recorded"
_REASON: Final = "登记文件 registered by the seed file"


def opener(sealer: Sealer) -> Opens:
    """Return the check of a seal in an entry of the audit log."""

    def opens(seal: str, place: str) -> bool:
        try:
            return sealer.open(bytes.fromhex(seal), place) == _SEALED_TEXT
        except (SealBroken, ValueError):
            return False

    return opens


def seal_decision(sealer: Sealer, proposal: Proposal) -> dict[str, str]:
    """Return the evidence of an approval for its audit entry: only the key encryption key makes it."""
    return {"seal": sealer.seal(_SEALED_TEXT, decision_place(proposal)).hex()}


async def record_registration(session: Session, sealer: Sealer, partner_id: str, app_keys: Collection[str]) -> None:
    """Write the audit entry of a partner of the seed file, as it is now, with the keys of the file.

    The entry is sealed with the key encryption key: a person who can only write the database cannot make one.
    """
    row = await repository.find_partner(session, partner_id)
    assert row is not None
    keys = [recorded_key(key) for key in await repository.keys_of(session, [partner_id]) if key["app_key"] in app_keys]
    after: dict[str, Any] = {"partner": recorded_partner(row), "keys": keys}
    seal = sealer.seal(_SEALED_TEXT, seal_place(partner_id, after)).hex()
    await audit.record(
        session,
        subject=SEED_SUBJECT,
        action=REGISTER,
        about=f"partner/{partner_id}",
        reason=_REASON,
        after={**after, "seal": seal},
    )


async def find_unproved(
    session: Session,
    partners: Sequence[repository.Row],
    keys: Sequence[repository.Row],
    *,
    partner_ids: Collection[str] | None,
    opens: Opens | None,
) -> list[Unproved]:
    """Return the partners and keys that their records do not prove. `partner_ids`: None reads the records of all.

    Rows and records must come from one snapshot.
    """
    objects = None if partner_ids is None else [f"partner/{one}" for one in partner_ids]
    entries, found, renewed = await _read(session, objects)
    began_at: datetime | None = await repository.records_began_at(session)
    return unproved(partners, keys, Records(entries, found, began_at, opens, renewed))


async def find_all_unproved(session: Session, *, opens: Opens | None) -> list[Unproved]:
    """Like `find_unproved`, for all partners and keys. Begin the transaction with `begin_snapshot`."""
    partners, keys = await repository.all_partners(session), await repository.all_keys(session)
    return await find_unproved(session, partners, keys, partner_ids=None, opens=opens)


async def begin_snapshot(session: Session) -> None:
    """Make every statement of the transaction see the same state. Call it first."""
    await repository.begin_snapshot(session)


async def count_seals_of_former_keys(session: Session, sealer: Sealer) -> int:
    """Count the seals in the audit log that only a former key opens."""
    return len(await _of_former_keys(session, sealer))


async def renew_seals(session: Session, sealer: Sealer, *, at_most: int) -> int:
    """Seal at most so many places of the audit log with the current key. Return the number.

    The log only grows: an entry for each partner holds the new seals. Seals that no key opens prove nothing and stay.
    """
    found = (await _of_former_keys(session, sealer))[:at_most]
    for about in sorted({one.object for one in found}):
        seals = {one.place: sealer.seal(_SEALED_TEXT, one.place).hex() for one in found if one.object == about}
        await audit.record(
            session, subject=KEYS_SUBJECT, action=RENEW, about=about, reason=KEYS_REASON, after={"seals": seals}
        )
    return len(found)


async def _of_former_keys(session: Session, sealer: Sealer) -> list[SealedPlace]:
    entries, proposals, renewed = await _read(session, None)
    return [
        one
        for one in sealed_places(entries, proposals)
        if _is_former(sealer, one.seal, one.place)
        and all(_is_former(sealer, seal, one.place) for seal in renewed.get(one.place, ()))
    ]


def _is_former(sealer: Sealer, seal: str, place: str) -> bool:
    """Whether a former key opens the seal. False for the current key, and if none does."""
    try:
        return sealer.reseal(bytes.fromhex(seal), place) is not None
    except (SealBroken, ValueError, TypeError):
        return False


async def _read(
    session: Session, objects: Collection[str] | None
) -> tuple[list[Entry], dict[UUID, Proposal], dict[str, list[str]]]:
    """Return the entries about partners, the approvals by id, and the seals that were made anew."""
    rows = await audit.entries_about(session, objects=objects, actions=(*ACTIONS, RENEW))
    entries = [Entry(row.entry_id, row.at, row.subject, row.action, row.object, row.after or {}) for row in rows]
    proposals = await approvals.approved(session, kinds=ACTIONS, subjects=objects)
    return (
        [entry for entry in entries if entry.action != RENEW],
        {proposal.proposal_id: proposal for proposal in proposals},
        renewed_seals(entry for entry in entries if entry.action == RENEW),
    )
