"""Faults of other canonical forms, trees and verifiers, from public reports, tried on the published formats."""

import json
from typing import Any

import msgspec
import pytest

from services.accounting.methodologies.document import (
    Factor,
    Methodology,
    canonical_json,
    parse_methodology,
)
from services.accounting.methodologies.library import library_factors, shelf_texts
from services.accounting.proofs.schemas import Proof
from services.accounting.proofs.verification import check_proof
from shared.seals.merkle import inclusion_path, leaf_hash, node_hash, root_from_path, root_of
from shared.seals.signer import DigestSigner
from tests.accounting.driver import Accounting
from tests.accounting.proofs.conftest import Days
from tests.accounting.proofs.test_proofs import earn, first_activity, new_pem, public

SAFE_INTEGER = 2**53 - 1
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def jcs(value: Any) -> str:
    """RFC 8785, written from its text: what a verifier in any language computes. Without fractions."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        assert abs(value) <= SAFE_INTEGER
        return str(value)
    if isinstance(value, str):
        parts = (_SHORT.get(char) or (f"\\u{ord(char):04x}" if char < " " else char) for char in value)
        return '"' + "".join(parts) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    assert isinstance(value, dict), type(value)
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(f"{jcs(name)}:{jcs(value[name])}" for name in names) + "}"


def test_a16_documents_have_the_canonical_form_of_rfc_8785() -> None:
    """agentrust-io/trace-spec#128, agent-manifest#322, jagmarques/asqav-sdk#444: order of keys, escapes, numbers."""
    documents: list[Methodology | Factor] = [parse_methodology(text)[0] for text in shelf_texts()]
    documents += library_factors().values()
    assert len(documents) > 20
    for document in documents:
        text = canonical_json(document)
        assert text == jcs(json.loads(text))


def test_a16_every_character_is_encoded_as_rfc_8785_says() -> None:
    """agentrust-io/agent-manifest#322: DEL, C1 controls and line separators that one side escapes."""
    chars = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x10000), 0x10000, 0x1F600, 0x10FFFF)]
    text = "".join(chars)
    assert msgspec.json.Encoder(order="sorted").encode({"text": text}).decode() == jcs({"text": text})
    assert json.dumps(text, ensure_ascii=False) == jcs(text)


@pytest.mark.parametrize("model", [Methodology, Factor])
def test_a16_names_are_ascii_and_integers_are_safe_in_every_language(model: type[Methodology | Factor]) -> None:
    """sipyourdrink-ltd/bernstein#5555: a name beyond U+FFFF; agent-manifest#338: integers that JavaScript rounds."""
    document = model.model_json_schema()
    found = 0

    def visit(schema: Any) -> None:
        nonlocal found
        if isinstance(schema, list):
            for part in schema:
                visit(part)
        if not isinstance(schema, dict):
            return
        if schema.get("type") == "integer":
            found += 1
            assert abs(schema["maximum"]) <= SAFE_INTEGER, schema
            assert abs(schema["minimum"]) <= SAFE_INTEGER, schema
        assert schema.get("type") != "number", schema
        if schema.get("type") == "object":
            names = schema.get("propertyNames") or {}
            is_open = schema.get("additionalProperties", True) is not False
            assert not is_open or {"pattern", "enum", "$ref", "patternProperties"} & {*names, *schema}
            assert all(name.isascii() for name in schema.get("properties", {}))
        for part in schema.values():
            visit(part)

    visit(document)
    assert found >= 1


def test_a16_a_repeated_last_leaf_and_an_inner_node_as_leaf_give_other_roots() -> None:
    """CVE-2012-2459; sipyourdrink-ltd/bernstein#1854, HorizenOfficial/ginger-lib#110, Tierion/pymerkletools#13."""
    leaves = [leaf_hash(bytes([number])) for number in range(40)]
    for size in range(1, len(leaves)):
        part = leaves[:size]
        root = root_of(part)
        assert root_of([*part, part[-1]]) != root
        assert root_of([*part, *part[-(size % 4 + 1) :]]) != root
        if size > 1:
            inner = node_hash(part[0], part[1])
            assert root_of([leaf_hash(part[0] + part[1]), *part[2:]]) != root
            # A shortened path, with an inner node in place of the leaf.
            path = inclusion_path(0, part)
            assert root_from_path(inner, 0, size, path[1:]) != root


async def test_a16_a_verifier_with_a_key_takes_no_unsigned_digest(accounting: Accounting, days: Days) -> None:
    """sigstore/cosign#1816, ruvnet/rvm#20: verification passes without the key of the log."""
    person = await earn(accounting, days)
    signer = DigestSigner(new_pem())
    await days.seal(signer)
    proof = await public(accounting, f"/proofs/{await first_activity(accounting, person)}")
    assert all(check.ok for check in check_proof(Proof.model_validate(proof), public_key=signer.public_key))
    for part in ("digest", "chain_head"):
        stripped = Proof.model_validate(proof | {part: proof[part] | {"signature": None}})
        assert not all(check.ok for check in check_proof(stripped, public_key=signer.public_key)), part
        other = DigestSigner(new_pem())
        signature = {"public_key": other.public_key, "value": other.sign(proof[part]["statement"])}
        signed = Proof.model_validate(proof | {part: proof[part] | {"signature": proof[part]["signature"] | signature}})
        assert not all(check.ok for check in check_proof(signed, public_key=signer.public_key)), part
