"""The hash tree: known roots, valid paths of every tree, and invalid paths."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from shared.seals.merkle import (
    EMPTY_ROOT,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_from_path,
    root_of,
)

# The eight leaves of the reference tree of RFC 6962 logs, with the roots of its first n leaves.
LEAVES = [
    leaf_hash(bytes.fromhex(text))
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

items = st.lists(st.binary(max_size=8), min_size=1, max_size=70).map(
    lambda contents: [leaf_hash(content) for content in contents]
)


def test_roots_equal_those_of_the_reference_tree() -> None:
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT == root_of([])
    assert [root_of(LEAVES[:n]).hex() for n in range(1, 9)] == ROOTS


def test_a_leaf_cannot_pass_as_an_inner_node() -> None:
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)


@given(items)
def test_every_leaf_has_a_valid_path(hashes: list[bytes]) -> None:
    root = root_of(hashes)
    for index, item in enumerate(hashes):
        path = inclusion_path(index, hashes)
        assert root_from_path(item, index, len(hashes), path) == root


@given(items, st.data())
def test_a_path_with_a_changed_byte_fails(hashes: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(hashes) - 1))
    path = inclusion_path(index, hashes)
    parts = [hashes[index], *path]
    which = data.draw(st.integers(0, len(parts) - 1))
    byte, bit = data.draw(st.integers(0, 31)), data.draw(st.integers(0, 7))
    changed = bytearray(parts[which])
    changed[byte] ^= 1 << bit
    parts[which] = bytes(changed)
    assert root_from_path(parts[0], index, len(hashes), parts[1:]) != root_of(hashes)


@given(items, st.data())
def test_a_path_is_valid_only_for_its_index_and_tree_size(hashes: list[bytes], data: st.DataObject) -> None:
    hashes = [leaf_hash(bytes([n]) + item) for n, item in enumerate(hashes)]  # all different
    size, root = len(hashes), root_of(hashes)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, hashes)
    other = data.draw(st.integers(-1, size + 1))
    if other != index:
        assert root_from_path(hashes[index], other, size, path) != root
    assert root_from_path(hashes[index], index, size, [*path, root]) is None
    if path:
        assert root_from_path(hashes[index], index, size, path[:-1]) != root


@given(items, st.sampled_from([1, 2, 4, 8, 16]))
def test_blocks_are_subtrees_of_the_whole_tree(hashes: list[bytes], block: int) -> None:
    """The stored form of a day relies on this."""
    blocks = [hashes[start : start + block] for start in range(0, len(hashes), block)]
    roots = [root_of(part) for part in blocks]
    assert root_of(roots) == root_of(hashes)
    for index in range(len(hashes)):
        number, place = divmod(index, block)
        path = inclusion_path(place, blocks[number]) + inclusion_path(number, roots)
        assert path == inclusion_path(index, hashes)
