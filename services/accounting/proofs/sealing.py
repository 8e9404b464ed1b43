"""Sealing closed days and checking sealed ones. The tree of a local day is computed from a stream of postings."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import structlog

from services.accounting.digest_signer import DigestSigner, is_signature_valid
from services.accounting.ledger import history
from services.accounting.proofs import repository
from services.accounting.proofs.domain import (
    BLOCK_LEAVES,
    DAY_SECRET_BYTES,
    Statement,
    day_span,
    posting_leaf_hash,
    statement_hash,
    statement_of,
    statement_text,
)
from services.accounting.proofs.merkle import TreeBuilder, root_of
from shared import clock
from shared.db import Session
from shared.language import Text

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class DayTree:
    """The block roots of a day. A day of six million postings has six thousand of them in memory, nothing more."""

    secret: bytes
    blocks: list[dict[str, Any]] = field(default_factory=list)
    postings: int = 0
    _builder: TreeBuilder = field(default_factory=TreeBuilder)

    def add(self, posting: Any) -> None:
        if self._builder.size == 0:
            first = {"first_posted_at": posting["posted_at"], "first_posting_id": posting["posting_id"]}
            self.blocks.append({"number": len(self.blocks), **first})
        self._builder.add(posting_leaf_hash(posting, self.secret))
        self.postings += 1
        self.blocks[-1]["last_posted_at"] = posting["posted_at"]
        if self._builder.size == BLOCK_LEAVES:
            self._close_block()

    def _close_block(self) -> None:
        self.blocks[-1] |= {"root": self._builder.root(), "leaves": self._builder.size}
        self._builder = TreeBuilder()

    def root(self) -> bytes:
        """Return the root. Call it once, after all postings were added."""
        if self._builder.size:
            self._close_block()
        return root_of(block["root"] for block in self.blocks)


async def _tree_of(session: Session, day: date, time_zone: str, secret: bytes) -> DayTree:
    tree = DayTree(secret)
    begin, end = day_span(day, time_zone)
    async for batch in history.stream_postings(session, begin=begin, end=end):
        for posting in batch:
            tree.add(posting)
    return tree


async def seal_next_day(session: Session, *, time_zone: str, delay_s: int, signer: DigestSigner | None) -> date | None:
    """Seal the earliest closed day that is not sealed, if there is one, and return it. Timed job.

    A day is closed when no transaction that began before its end is open, at least `delay_s` after its end. Days
    without postings are sealed, too, so that the chain has no gaps.
    """
    if not await history.try_lock(session, name="accounting.seal"):
        return None
    newest = await repository.newest(session)
    if newest is not None:
        day: date = newest.day + timedelta(days=1)
    else:
        first = await history.first_posted_at(session)
        if first is None:
            return None
        day = clock.local_date(first, time_zone)
    _, end = day_span(day, time_zone)
    if await history.settled_before(session) < end + timedelta(seconds=delay_s):
        return None
    tree = await _tree_of(session, day, time_zone, secrets.token_bytes(DAY_SECRET_BYTES))
    root = tree.root()
    previous = newest.sha256 if newest is not None else None
    statement = statement_text(
        Statement(day=day, postings=tree.postings, previous=previous, root=root.hex(), time_zone=time_zone)
    )
    await repository.add_digest(
        session,
        day=day,
        statement=statement,
        sha256=statement_hash(statement),
        previous=previous,
        postings=tree.postings,
        secret=tree.secret,
        public_key=signer.public_key if signer else None,
        signature=signer.sign(statement) if signer else None,
    )
    if tree.blocks:
        await repository.add_blocks(session, [{"day": day, **block} for block in tree.blocks])
    _log.info("day_sealed", day=str(day), postings=tree.postings, signed=signer is not None)
    return day


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference from a seal. `since` and `until` are the time range of the changed postings, if known."""

    day: date
    text: Text
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CheckedDay:
    day: date
    postings: int
    sha256: str
    findings: tuple[Finding, ...]


async def check_days(session: Session) -> AsyncIterator[CheckedDay]:
    """Recompute every sealed day from the current postings, in order: tree, statement, chain, signature."""
    previous: Any = None
    for day in await repository.days(session):
        sealed = await repository.digest(session, day)
        assert sealed is not None
        try:
            statement = statement_of(sealed.statement)
        except (msgspec.DecodeError, msgspec.ValidationError):
            findings = [Finding(day, Text("摘要不可读", "the statement cannot be read"))]
        else:
            findings = _statement_findings(sealed, statement, previous)
            if previous is None:
                findings += await _earlier_findings(session, statement)
            findings += await _tree_findings(session, sealed, statement)
        previous = sealed
        yield CheckedDay(day, sealed.postings, sealed.sha256, tuple(findings))


def _statement_findings(sealed: Any, statement: Statement, previous: Any | None) -> list[Finding]:
    day, findings = sealed.day, []
    if statement_hash(sealed.statement) != sealed.sha256 or (statement.day, statement.previous) != (
        day,
        sealed.previous,
    ):
        findings.append(Finding(day, Text("摘要与其哈希不符", "the statement does not match its hash")))
    if statement.previous != (previous.sha256 if previous is not None else None):
        findings.append(Finding(day, Text("与前一天的链条断开", "the chain to the day before is broken")))
    if previous is not None and day != previous.day + timedelta(days=1):
        findings.append(Finding(day, Text("前面缺少日期", "days before this one are missing")))
    if sealed.signature is not None and not is_signature_valid(
        sealed.statement, public_key=sealed.public_key, signature=sealed.signature
    ):
        findings.append(Finding(day, Text("签名无效", "the signature is invalid")))
    return findings


async def _earlier_findings(session: Session, statement: Statement) -> list[Finding]:
    begin, _ = day_span(statement.day, statement.time_zone)
    stray = await history.count_before(session, moment=begin)
    if not stray:
        return []
    text = Text(f"首个封存日之前有 {stray} 条入账", f"{stray} posting(s) are older than the first sealed day")
    return [Finding(statement.day, text, None, begin)]


async def _tree_findings(session: Session, sealed: Any, statement: Statement) -> list[Finding]:
    tree = await _tree_of(session, sealed.day, statement.time_zone, bytes(sealed.secret))
    if tree.root().hex() == statement.root and tree.postings == statement.postings:
        return []
    stored = await repository.blocks(session, sealed.day)
    for block, now in zip(stored, tree.blocks, strict=False):
        if bytes(block.root) != now["root"]:
            since = min(block.first_posted_at, now["first_posted_at"])
            until = max(block.last_posted_at, now["last_posted_at"])
            break
    else:
        since = until = None
    text = Text(
        f"账目被改动：封存 {statement.postings} 条，现有 {tree.postings} 条",
        f"postings were changed: {statement.postings} sealed, {tree.postings} now",
    )
    return [Finding(sealed.day, text, since, until)]
