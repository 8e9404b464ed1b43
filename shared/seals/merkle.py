"""The hash tree of RFC 6962, section 2.1: leaves and inner nodes have different prefixes, so they cannot be confused.

Aligned blocks of 2^k leaves are subtrees of the whole tree, so the tree over their roots has the same root. A day is
stored as the roots of its blocks. A path is the path inside one block, followed by the path over the blocks.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
HASH_BYTES: Final = 32


def leaf_hash(content: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class TreeBuilder:
    """Computes the root of a stream of hashes. Stores one hash per level."""

    def __init__(self) -> None:
        self._stack: list[bytes] = []
        self.size = 0

    def add(self, item: bytes) -> None:
        self.size += 1
        # The number of complete pairs that end here is the number of trailing zero bits of the size.
        for _ in range((self.size & -self.size).bit_length() - 1):
            item = node_hash(self._stack.pop(), item)
        self._stack.append(item)

    def root(self) -> bytes:
        if not self._stack:
            return EMPTY_ROOT
        root = self._stack[-1]
        for left in reversed(self._stack[:-1]):
            root = node_hash(left, root)
        return root


def root_of(hashes: Iterable[bytes]) -> bytes:
    builder = TreeBuilder()
    for item in hashes:
        builder.add(item)
    return builder.root()


def inclusion_path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Return the siblings from an item up to the root. Raises IndexError for an index outside the tree."""
    if not 0 <= index < len(hashes):
        raise IndexError(index)
    low, high = 0, len(hashes)
    path: list[bytes] = []
    while high - low > 1:
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        if index < middle:
            path.append(root_of(hashes[middle:high]))
            high = middle
        else:
            path.append(root_of(hashes[low:middle]))
            low = middle
    return path[::-1]


def root_from_path(item: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root of a path (RFC 9162, section 2.1.3.2), None if no path of that place has its length."""
    if not 0 <= index < size:
        return None
    place, last = index, size - 1
    for sibling in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            item = node_hash(sibling, item)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            item = node_hash(item, sibling)
        place, last = place >> 1, last >> 1
    return item if last == 0 else None
