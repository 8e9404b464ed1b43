"""Recomputes the test vectors of docs/proofs.md as a stranger would: from the page, with standard tools only."""

import hashlib
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PAGE = (Path(__file__).parents[3] / "docs" / "proofs.md").read_text(encoding="utf-8")
TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def vectors() -> Any:
    return json.loads(PAGE.split("Test vectors")[1].split("```json\n")[1].split("\n```")[0])


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


def root_of(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node(root_of(leaves[:split]), root_of(leaves[split:]))


def climb(item: bytes, index: int, size: int, path: list[str]) -> bytes:
    """RFC 9162, 2.1.3.2."""
    place, last = index, size - 1
    for sibling in (bytes.fromhex(part) for part in path):
        if place & 1 or place == last:
            item = node(sibling, item)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            item = node(item, sibling)
        place, last = place >> 1, last >> 1
    return item


def leaf_of(part: Any) -> str:
    return sha256(b"\x00" + bytes.fromhex(part["leaf_salt"]) + part["leaf"].encode()).hex()


def test_a16_the_tree_and_its_paths(vectors: Any) -> None:
    tree = vectors["tree"]
    leaves = [sha256(b"\x00" + leaf.encode()) for leaf in tree["leaves"]]
    assert root_of(leaves).hex() == tree["root"]
    assert climb(leaves[2], 2, 5, tree["path_of_leaf_2"]).hex() == tree["root"]
    assert climb(leaves[4], 4, 5, tree["path_of_leaf_4"]).hex() == tree["root"]
    assert sha256(b"").hex() == tree["empty_root"]


def test_a16_ids_and_documents(vectors: Any) -> None:
    namespace = uuid.UUID(re.findall(r"`([0-9a-f-]{36})`", PAGE)[0])
    issuing = vectors["issuing_account"]
    assert str(uuid.uuid5(namespace, f"issuance:{issuing['methodology']}")) == issuing["account_id"]
    event = vectors["event"]
    name = f"carbon-inclusion/event/v1\0{event['partner_id']}\0{event['event_id']}".encode()
    number = int.from_bytes(sha256(name)[:16])
    number = number & ~(0xF << 76) & ~(0x3 << 62) | (8 << 76) | (2 << 62)
    assert str(uuid.UUID(int=number)) == event["activity_id"]
    factor = vectors["factor"]
    assert sha256(canonical(factor["document"])).hex() == factor["sha256"]


def test_a16_leaves_and_openings(vectors: Any) -> None:
    posting, activity = vectors["posting"], vectors["activity"]
    for part in (posting, activity):
        assert canonical(json.loads(part["leaf"])).decode() == part["leaf"]
        assert leaf_of(part) == part["leaf_hash"]
    debit = posting["debit"]
    opened = sha256(bytes.fromhex(debit["salt"]) + uuid.UUID(debit["account_id"]).bytes).hex()
    assert opened == json.loads(posting["leaf"])["debit"]
    leaf, openings = json.loads(activity["leaf"]), activity["openings"]
    content = {
        "account": uuid.UUID(openings["account"]["content"]).bytes,
        "act": sha256(openings["act"]["content"].encode()),
        "raw_event": bytes.fromhex(openings["raw_event"]["content"]),
    }
    for name, value in content.items():
        assert sha256(bytes.fromhex(openings[name]["salt"]) + value).hex() == leaf[name]
    assert leaf["factors"][0]["sha256"] == vectors["factor"]["sha256"]
    assert (leaf["amount_mg"], leaf["at"]) == tuple(json.loads(posting["leaf"])[n] for n in ("amount_mg", "posted_at"))


def test_a16_the_digest_and_its_signature(vectors: Any) -> None:
    digest = vectors["digest"]
    statement = json.loads(digest["statement"])
    assert canonical(statement).decode() == digest["statement"]
    assert sha256(digest["statement"].encode()).hex() == digest["sha256"]
    assert statement["root"] == vectors["posting"]["leaf_hash"]  # a tree of one leaf
    assert statement["activities_root"] == vectors["activity"]["leaf_hash"]
    signature = digest["signature"]
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature["public_key"]))
    key.verify(bytes.fromhex(signature["value"]), digest["statement"].encode())


def test_a16_every_line_of_the_tampering_table_names_a_test() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    table = PAGE.split("多久被发现 Tampering")[1].split("Not found:")[0]
    named = re.findall(r"`(test_\w+)`", table)
    assert len(named) >= 10
    for name in named:
        assert f"def {name}(" in written, name
