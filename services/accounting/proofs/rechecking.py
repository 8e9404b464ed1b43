"""Checks of sealed days against the rows as they are now: all of them at once, or in steps every night."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from services.accounting.ledger import history
from services.accounting.posting import versions
from services.accounting.proofs import repository, trees
from services.accounting.proofs.activity_leaf import Documents
from services.accounting.proofs.domain import Block, Statement, statement_of
from shared.db import Session
from shared.language import Text
from shared.seals.findings import Finding, signature_fault
from shared.seals.merkle import root_of
from shared.seals.statements import day_span, statement_hash

# Blocks that one query reads: thirty thousand leaves, about a second.
_BLOCKS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class CheckedDay:
    day: date
    leaves: int
    sha256: str
    findings: tuple[Finding, ...]


async def check_days(session: Session, keys: Collection[str] = ()) -> AsyncIterator[CheckedDay]:
    """Recompute every sealed day from the rows as they are now, in order: trees, statement, chain, signature.

    With `keys`, every day must be signed with one of them.
    """
    for day in await repository.days(session):
        sealed = await repository.digest(session, day)
        assert sealed is not None
        findings: list[Finding] = []
        place: tuple[int, int] | None = (0, 0)
        while place is not None:
            found, place = await check_piece(session, sealed, tree=place[0], block=place[1], keys=keys)
            findings += found
        yield CheckedDay(day, sealed.postings + (sealed.activities or 0), sealed.sha256, tuple(findings))


async def check_piece(
    session: Session, sealed: Any, *, tree: int, block: int, keys: Collection[str] = ()
) -> tuple[list[Finding], tuple[int, int] | None]:
    """Check some blocks of a day from (tree, block) on. Return the findings and the next place, None at the day's end.

    The first piece also checks the statement, the chain and the signature.
    """
    findings: list[Finding] = []
    if (tree, block) == (0, 0):
        previous = await repository.digest_before(session, sealed.day)
        findings = await _statement_findings(session, sealed, previous, keys)
    try:
        statement = statement_of(sealed.statement)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return findings, None
    sealed_trees = await _sealed_trees(session, sealed, statement, await trees.hashed_documents(session))
    chosen, blocks = sealed_trees[tree]
    findings += await _tree_findings(session, sealed.day, statement, chosen, blocks, block)
    if block + _BLOCKS_AT_ONCE < len(blocks):
        return findings, (tree, block + _BLOCKS_AT_ONCE)
    return findings, (tree + 1, 0) if tree + 1 < len(sealed_trees) else None


async def _sealed_trees(
    session: Session, sealed: Any, statement: Statement, documents: Documents
) -> list[tuple[trees.Tree, list[Block]]]:
    secret = bytes(sealed.secret)
    found = [(trees.posting_tree(secret), await repository.blocks(session, sealed.day))]
    if statement.has_activities:
        blocks = await repository.activity_blocks(session, sealed.day)
        found.append((trees.activity_tree(secret, documents), blocks))
    return found


async def _statement_findings(
    session: Session, sealed: Any, previous: Any | None, keys: Collection[str]
) -> list[Finding]:
    """Check statement, chain, signature and the roots of the blocks."""
    day, findings = sealed.day, []
    try:
        statement = statement_of(sealed.statement)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return [Finding(day, Text("摘要不可读", "the statement cannot be read"))]
    if (
        statement_hash(sealed.statement) != sealed.sha256
        or (statement.day, statement.previous) != (day, sealed.previous)
        or not statement.is_known
    ):
        findings.append(Finding(day, Text("摘要与其哈希不符", "the statement does not match its hash")))
    if statement.previous != (previous.sha256 if previous is not None else None):
        findings.append(Finding(day, Text("与前一天的链条断开", "the chain to the day before is broken")))
    if previous is not None and day != previous.day + timedelta(days=1):
        findings.append(Finding(day, Text("前面缺少日期", "days before this one are missing")))
    if fault := signature_fault(sealed, previous, keys):
        findings.append(Finding(day, fault))
    if previous is None:
        findings += await _earlier_findings(session, statement)
    for blocks, root, leaves in (
        (await repository.blocks(session, day), statement.root, statement.postings),
        (await repository.activity_blocks(session, day), statement.activities_root, statement.activities),
    ):
        if root is msgspec.UNSET:
            continue
        if (root_of(block.root for block in blocks).hex(), sum(block.leaves for block in blocks)) != (root, leaves):
            findings.append(Finding(day, Text("分块与摘要不符", "the blocks do not match the statement")))
    return findings


async def _earlier_findings(session: Session, statement: Statement) -> list[Finding]:
    begin, _ = day_span(statement.day, statement.time_zone)
    findings = []
    if stray := await history.count_before(session, moment=begin):
        text = Text(f"首个封存日之前有 {stray} 条入账", f"{stray} posting(s) are older than the first sealed day")
        findings.append(Finding(statement.day, text, None, begin))
    if statement.has_activities and (stray := await versions.count_before(session, moment=begin)):
        text = Text(f"首个封存日之前有 {stray} 条行为", f"{stray} activities are older than the first sealed day")
        findings.append(Finding(statement.day, text, None, begin))
    return findings


_CHANGED = {
    "postings": ("账目被改动", "postings were changed"),
    "activities": ("行为或其判定被改动", "activities or their verdicts were changed"),
}


async def _tree_findings(
    session: Session, day: date, statement: Statement, tree: trees.Tree, blocks: Sequence[Block], first: int
) -> list[Finding]:
    """Check the blocks of one query, from number `first` on."""
    span = day_span(day, statement.time_zone)
    zh, en = _CHANGED[tree.name]
    return [
        Finding(
            day,
            Text(
                f"{zh}：封存 {block.sealed} 条，现有 {block.found} 条",
                f"{en}: {block.sealed} sealed, {block.found} now",
            ),
            block.since,
            block.until,
        )
        for block in await trees.changed_blocks(session, tree, blocks, span, first=first, count=_BLOCKS_AT_ONCE)
    ]
