"""Use cases of proofs: digests, inclusion proofs of credits, bundles to recompute an activity."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from services.accounting.ledger import history
from services.accounting.methodologies import service as methodologies
from services.accounting.methodologies.document import Factor, Methodology, canonical_json, content_sha256
from services.accounting.posting import history as acts_history
from services.accounting.posting import versions
from services.accounting.proofs import repository, trees
from services.accounting.proofs.activity_leaf import (
    EARNED,
    ActivitySalts,
    activity_leaf_text,
    activity_salts,
    version_key,
)
from services.accounting.proofs.domain import (
    BLOCK_LEAVES,
    Block,
    Key,
    leaf_text,
    salts_of,
    statement_of,
)
from services.accounting.proofs.errors import CreditNotFound, DigestNotFound, NotYetSealed, SealBroken
from shared import clock
from shared.db import Session
from shared.instants import next_minute, next_second, stamp
from shared.seals.merkle import inclusion_path, root_of
from shared.seals.statements import day_span


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a leaf in a tree of its day, with the siblings up to the root."""

    index: int
    size: int
    path: list[bytes]


@dataclass(frozen=True, slots=True)
class ActivityProof:
    """Proof that an activity is in the tree of its day, as it was when it earned the credit.

    `version` and `salts` open what the leaf commits to.
    """

    leaf: str
    salts: ActivitySalts
    place: Place
    version: Any
    methodology: "Document | None"
    factors: "list[Document]"


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Proof that the credit of an activity is in the tree of its day. The salts open the leaf and its accounts."""

    activity_id: uuid.UUID
    leaf: str
    leaf_salt: bytes
    place: Place
    debit_account: uuid.UUID
    debit_salt: bytes
    credit_account: uuid.UUID
    credit_salt: bytes
    activity: ActivityProof | None
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
        sealed_after=next_minute(due),
        retry_after_s=wait_s,
        extensions={"day": day.isoformat(), "sealed_after": stamp(next_second(due))},
    )


async def _inclusion_proof(session: Session, posting: Any, sealed: Any) -> InclusionProof:
    secret = bytes(sealed.secret)
    span = day_span(sealed.day, statement_of(sealed.statement).time_zone)
    blocks = await repository.blocks(session, sealed.day)
    place = await _place(session, trees.posting_tree(secret), blocks, trees.posting_key(posting), span, sealed.day)
    salts = salts_of(secret, posting["posting_id"])
    return InclusionProof(
        activity_id=posting["activity_id"],
        leaf=leaf_text(posting, salts).decode(),
        leaf_salt=salts.leaf,
        place=place,
        debit_account=posting["debit_account_id"],
        debit_salt=salts.debit,
        credit_account=posting["credit_account_id"],
        credit_salt=salts.credit,
        activity=await _activity_proof(session, posting, sealed, span) if sealed.activities is not None else None,
        digest=sealed,
        head=await repository.newest(session),
    )


async def _place(
    session: Session, tree: trees.Tree, blocks: list[Block], key: Key, span: tuple[datetime, datetime], day: date
) -> Place:
    """Return the place of a row. Raises SealBroken if its block has changed or does not contain it."""
    number = max((block.number for block in blocks if block.first <= key), default=None)
    if number is None:
        raise SealBroken(day=day)
    rows = await trees.rows_of_block(session, tree, blocks, span, number)
    leaves = [tree.leaf(row) for row in rows]
    index = next((i for i, row in enumerate(rows) if tree.key(row) == key), None)
    if index is None or root_of(leaves) != blocks[number].root:
        raise SealBroken(day=day)
    path = inclusion_path(index, leaves) + inclusion_path(number, [block.root for block in blocks])
    return Place(number * BLOCK_LEAVES + index, sum(block.leaves for block in blocks), path)


async def _activity_proof(
    session: Session, posting: Any, sealed: Any, span: tuple[datetime, datetime]
) -> ActivityProof:
    """Prove the version of the activity that began with the credit. Raises SealBroken."""
    version = await versions.version_at(session, activity_id=posting["activity_id"], at=posting["posted_at"])
    if version is None or version["status"] not in EARNED:
        raise SealBroken(day=sealed.day)
    secret = bytes(sealed.secret)
    documents = await trees.hashed_documents(session)
    blocks = await repository.activity_blocks(session, sealed.day)
    tree = trees.activity_tree(secret, documents)
    place = await _place(session, tree, blocks, version_key(version), span, sealed.day)
    salts = activity_salts(secret, version["activity_id"], version["sequence"])
    methodology, factors = await _documents(session, version["methodology_code"], version["methodology_version"])
    return ActivityProof(
        leaf=activity_leaf_text(version, salts, documents).decode(),
        salts=salts,
        place=place,
        version=version,
        methodology=methodology,
        factors=factors,
    )


async def _documents(session: Session, code: str | None, version: int | None) -> tuple[Document | None, list[Document]]:
    """Return a methodology version and the factors it refers to. Raises MethodologyNotFound."""
    if code is None or version is None:
        return None, []
    published = await methodologies.get_published(session, code=code, version=version)
    wanted = {(reference.factor_id, reference.vintage) for reference in published.document.factors}
    factors = [
        _hashed_document(factor)
        for factor in await methodologies.list_factors(session)
        if (factor.id, factor.vintage) in wanted
    ]
    return _hashed_document(published.document), factors


def _hashed_document(part: Methodology | Factor) -> Document:
    return Document(content_sha256(part), json.loads(canonical_json(part)))


async def get_bundle(
    session: Session, *, account_id: uuid.UUID, activity_id: uuid.UUID, time_zone: str, delay_s: int
) -> Bundle:
    """Return the bundle of an activity. Raises ActivityNotFound, also for an activity of another citizen."""
    activity = await acts_history.get_activity(session, account_id=account_id, activity_id=activity_id)
    methodology, factors = await _documents(session, activity.methodology_code, activity.methodology_version)
    found, sealed_after = None, None
    try:
        found = await get_proof(session, activity_id=activity_id, time_zone=time_zone, delay_s=delay_s)
    except CreditNotFound:
        pass
    except NotYetSealed as pending:
        sealed_after = str(pending.extensions["sealed_after"])
    return Bundle(activity, acts_history.judgement_record(activity), methodology, factors, found, sealed_after)


async def count_sealed_leaves(session: Session) -> int:
    """Return the number of postings and activities of all sealed days, as their digests state it."""
    return await repository.sealed_leaves(session)
