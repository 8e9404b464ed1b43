"""The two trees of a day, postings and activities, computed from a stream of rows and compared with stored blocks."""

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.accounting.ledger import history
from services.accounting.methodologies import service as methodologies
from services.accounting.posting import versions
from services.accounting.proofs.activity_leaf import (
    Documents,
    HashedDocuments,
    HashedFactor,
    HashedMethodology,
    activity_leaf_hash,
    version_key,
)
from services.accounting.proofs.domain import BLOCK_LEAVES, Block, Key, posting_leaf_hash
from shared.db import Session
from shared.seals.merkle import TreeBuilder, root_of

Rows = AsyncIterator[Sequence[Any]]


class Tree(NamedTuple):
    """How one tree of a day is read: rows by time in canonical order, the key of a row, and its leaf."""

    name: str
    rows: Callable[[Session, datetime, datetime], Rows]
    key: Callable[[Any], Key]
    leaf: Callable[[Any], bytes]


@dataclass(slots=True)
class BlockRoots:
    """The block roots of a day. A day of six million leaves has six thousand of them in memory, nothing more."""

    blocks: list[Block] = field(default_factory=list)
    leaves: int = 0
    _builder: TreeBuilder = field(default_factory=TreeBuilder)

    def add(self, leaf: bytes, key: Key) -> None:
        if self._builder.size == 0:
            self.blocks.append(Block(len(self.blocks), key, key[0]))
        self._builder.add(leaf)
        self.leaves += 1
        self.blocks[-1].last_at = key[0]
        if self._builder.size == BLOCK_LEAVES:
            self._close_block()

    def _close_block(self) -> None:
        self.blocks[-1].root, self.blocks[-1].leaves = self._builder.root(), self._builder.size
        self._builder = TreeBuilder()

    def root(self) -> bytes:
        """Return the root. Call it once, after all leaves were added."""
        if self._builder.size:
            self._close_block()
        return root_of(block.root for block in self.blocks)


def posting_key(row: Any) -> tuple[datetime, uuid.UUID]:
    """Return the place of a posting in canonical order."""
    return row["posted_at"], row["posting_id"]


def posting_tree(day_secret: bytes) -> Tree:
    return Tree(
        "postings",
        lambda session, begin, end: history.stream_postings(session, begin=begin, end=end),
        posting_key,
        lambda row: posting_leaf_hash(row, day_secret),
    )


def activity_tree(day_secret: bytes, documents: Documents) -> Tree:
    return Tree(
        "activities",
        lambda session, begin, end: versions.versions(session, begin=begin, end=end),
        version_key,
        lambda row: activity_leaf_hash(row, day_secret, documents),
    )


async def hashed_documents(session: Session) -> Documents:
    """Return methodology versions and factors with the hashes of their content as it is now."""
    return {
        (code, version): HashedDocuments.of(
            HashedMethodology(code, sha256, version),
            [HashedFactor(factor_id, factor_sha256, vintage) for factor_id, vintage, factor_sha256 in factors],
        )
        for (code, version), (sha256, factors) in (await methodologies.document_hashes(session)).items()
    }


async def build(session: Session, tree: Tree, span: tuple[datetime, datetime]) -> BlockRoots:
    """Return the block roots of a day's tree."""
    found = BlockRoots()
    async for batch in tree.rows(session, *span):
        for row in batch:
            found.add(tree.leaf(row), tree.key(row))
    return found


class ChangedBlock(NamedTuple):
    """A block whose rows give another root. `since` and `until` enclose the changed rows."""

    sealed: int
    found: int
    since: datetime
    until: datetime


async def changed_blocks(
    session: Session, tree: Tree, blocks: Sequence[Block], span: tuple[datetime, datetime], *, first: int, count: int
) -> list[ChangedBlock]:
    """Compare `count` stored blocks from number `first` on with the rows of the day as they are now.

    `blocks` are all blocks of the day. A row that was added between two blocks counts for the earlier one.
    """
    chosen = blocks[first : first + count] or [Block(0, (span[0],), span[1], root_of(()), 0)]
    builders = [TreeBuilder() for _ in chosen]
    seen: list[list[datetime]] = [[] for _ in chosen]
    place = 0
    async for row in _rows_of_blocks(session, tree, blocks, span, first, count):
        key = tree.key(row)
        while place + 1 < len(chosen) and key >= chosen[place + 1].first:
            place += 1
        builders[place].add(tree.leaf(row))
        seen[place][1:] = [key[0]]  # the first time and the last
    changed = []
    for block, builder, times in zip(chosen, builders, seen, strict=True):
        if (builder.root(), builder.size) != (block.root, block.leaves):
            known = (*times, block.first[0], block.last_at) if block.leaves else times
            changed.append(ChangedBlock(block.leaves, builder.size, min(known), max(known)))
    return changed


async def rows_of_block(
    session: Session, tree: Tree, blocks: Sequence[Block], span: tuple[datetime, datetime], number: int
) -> list[Any]:
    """Return the rows from the first one of a block to the first one of the next."""
    return [row async for row in _rows_of_blocks(session, tree, blocks, span, number, 1)]


async def _rows_of_blocks(
    session: Session, tree: Tree, blocks: Sequence[Block], span: tuple[datetime, datetime], first: int, count: int
) -> AsyncIterator[Any]:
    """Yield rows from block `first` to before block `first + count`. The first and the last reach to the day's ends."""
    lowest = blocks[first].first if 0 < first < len(blocks) else None
    following = blocks[first + count].first if first + count < len(blocks) else None
    begin = lowest[0] if lowest else span[0]
    end = following[0] + timedelta(microseconds=1) if following else span[1]
    async for batch in tree.rows(session, begin, end):
        for row in batch:
            key = tree.key(row)
            if (lowest is None or key >= lowest) and (following is None or key < following):
                yield row
