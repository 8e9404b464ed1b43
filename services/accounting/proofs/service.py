"""Use cases of proofs: digests, inclusion proofs of credits, bundles to recompute an activity."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.accounting.ledger import history
from services.accounting.methodologies import service as methodologies
from services.accounting.methodologies.document import Factor, Methodology, canonical_json, content_sha256
from services.accounting.posting import history as acts_history
from services.accounting.proofs import repository
from services.accounting.proofs.domain import BLOCK_LEAVES, day_span, leaf_text, salted_leaf_hash, salts_of
from services.accounting.proofs.errors import CreditNotFound, DigestNotFound, NotYetSealed, SealBroken
from services.accounting.proofs.merkle import inclusion_path, root_of
from shared import clock
from shared.db import Session


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Proof that the credit of an activity is in the tree of its day. The salts open the leaf and its accounts."""

    activity_id: uuid.UUID
    leaf: str
    leaf_salt: bytes
    leaf_index: int
    tree_size: int
    path: list[bytes]
    debit_account: uuid.UUID
    debit_salt: bytes
    credit_account: uuid.UUID
    credit_salt: bytes
    digest: Any
    head: Any


@dataclass(frozen=True, slots=True)
class Document:
    """A published document with the hash of its canonical form."""

    sha256: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bundle:
    """All data that is needed to judge an activity again offline.

    `proof` is None for an activity that earned nothing, and until its day is sealed. `sealed_after` is the time after
    which a missing proof is available.
    """

    activity: Any
    judgement: dict[str, Any] | None
    methodology: Document | None
    factors: list[Document]
    proof: InclusionProof | None
    sealed_after: str | None


async def list_digests(session: Session, *, before: date | None, limit: int) -> Sequence[Any]:
    return await repository.digests(session, before=before, limit=limit)


async def get_digest(session: Session, *, day: date) -> Any:
    """Return the digest of a day. Raises DigestNotFound."""
    row = await repository.digest(session, day)
    if row is None:
        raise DigestNotFound
    return row


async def get_proof(session: Session, *, activity_id: uuid.UUID, time_zone: str, delay_s: int) -> InclusionProof:
    """Return the proof of a credit. Raises CreditNotFound, NotYetSealed (with the time of sealing), SealBroken."""
    posting = await history.find_credit(session, activity_id=activity_id)
    if posting is None:
        raise CreditNotFound
    day = clock.local_date(posting["posted_at"], time_zone)
    sealed = await repository.digest(session, day)
    if sealed is None:
        raise _not_yet_sealed(day, time_zone, delay_s)
    return await _inclusion_proof(session, posting, sealed)


def _not_yet_sealed(day: date, time_zone: str, delay_s: int) -> NotYetSealed:
    due = day_span(day, time_zone)[1] + timedelta(seconds=delay_s)
    wait_s = max(60, int((due - clock.now()).total_seconds()))
    return NotYetSealed(
        day=day,
        sealed_after=due.isoformat(),
        retry_after_s=wait_s,
        extensions={"day": day.isoformat(), "sealed_after": due.isoformat()},
    )


async def _inclusion_proof(session: Session, posting: Any, sealed: Any) -> InclusionProof:
    block = await repository.block_of(session, sealed.day, posting["posted_at"], posting["posting_id"])
    if block is None:
        raise SealBroken(day=sealed.day)
    rows = await history.postings_from(
        session,
        first_at=block.first_posted_at,
        first_id=block.first_posting_id,
        last_at=block.last_posted_at,
        limit=block.leaves,
    )
    secret = bytes(sealed.secret)
    texts = [(row, salts_of(secret, row["posting_id"])) for row in rows]
    leaves = [salted_leaf_hash(leaf_text(row, salts), salts.leaf) for row, salts in texts]
    roots = await repository.block_roots(session, sealed.day)
    place = next((i for i, row in enumerate(rows) if row["posting_id"] == posting["posting_id"]), None)
    if place is None or root_of(leaves) != bytes(block.root):
        raise SealBroken(day=sealed.day)
    salts = salts_of(secret, posting["posting_id"])
    return InclusionProof(
        activity_id=posting["activity_id"],
        leaf=leaf_text(posting, salts).decode(),
        leaf_salt=salts.leaf,
        leaf_index=block.number * BLOCK_LEAVES + place,
        tree_size=sealed.postings,
        path=inclusion_path(place, leaves) + inclusion_path(block.number, roots),
        debit_account=posting["debit_account_id"],
        debit_salt=salts.debit,
        credit_account=posting["credit_account_id"],
        credit_salt=salts.credit,
        digest=sealed,
        head=await repository.newest(session),
    )


def _hashed_document(part: Methodology | Factor) -> Document:
    return Document(content_sha256(part), json.loads(canonical_json(part)))


async def get_bundle(
    session: Session, *, account_id: uuid.UUID, activity_id: uuid.UUID, time_zone: str, delay_s: int
) -> Bundle:
    """Return the bundle of an activity. Raises ActivityNotFound, also for an activity of another citizen."""
    activity = await acts_history.get_activity(session, account_id=account_id, activity_id=activity_id)
    methodology, factors = None, []
    if activity.methodology_code is not None:
        published = await methodologies.get_published(
            session, code=activity.methodology_code, version=activity.methodology_version
        )
        wanted = {(reference.factor_id, reference.vintage) for reference in published.document.factors}
        methodology = _hashed_document(published.document)
        factors = [
            _hashed_document(factor)
            for factor in await methodologies.list_factors(session)
            if (factor.id, factor.vintage) in wanted
        ]
    found, sealed_after = None, None
    try:
        found = await get_proof(session, activity_id=activity_id, time_zone=time_zone, delay_s=delay_s)
    except CreditNotFound:
        pass
    except NotYetSealed as pending:
        sealed_after = str(pending.extensions["sealed_after"])
    return Bundle(activity, acts_history.judgement_record(activity), methodology, factors, found, sealed_after)


async def count_sealed_postings(session: Session) -> int:
    """Return the number of postings of all sealed days, as their digests state it."""
    return await repository.sealed_postings(session)
