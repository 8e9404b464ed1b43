"""Checks of the activity in a proof: it is in the day's tree, its documents are the sealed ones, its grams follow."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from services.accounting.judging.stored import from_record, from_row
from services.accounting.methodologies.compiled import compile_methodology, factor_set
from services.accounting.methodologies.document import content_sha256, factor_from_plain, methodology_from_plain
from services.accounting.methodologies.errors import DocumentInvalid, NotComputable
from services.accounting.proofs.activity_leaf import ACTIVITY_LEAF_FORMAT, EARNED, salted_hash
from services.accounting.proofs.domain import Check, Statement, account_commitment, salted_leaf_hash
from services.accounting.proofs.schemas import ActivityProof, Bundle, HashOpening, Proof
from shared.language import Text
from shared.seals.merkle import root_from_path
from shared.seals.statements import instant_text

_UNREADABLE = (msgspec.DecodeError, msgspec.ValidationError, ValueError, KeyError, TypeError, AttributeError)


def check_activity(proof: Proof, statement: Statement) -> list[Check]:
    """Check the activity of a proof whose day has a tree of activities."""
    found = proof.activity
    if found is None:
        return [Check(False, Text("附有行为的证明", "the proof contains the activity"))]
    try:
        leaf: dict[str, Any] = msgspec.json.decode(found.leaf, type=dict[str, Any])
        posting: dict[str, Any] = msgspec.json.decode(proof.leaf, type=dict[str, Any])
        item = salted_leaf_hash(found.leaf.encode(), bytes.fromhex(found.leaf_salt))
        path = [bytes.fromhex(sibling) for sibling in found.path]
    except _UNREADABLE as exc:
        return [Check(False, Text("行为的证明可读", "the proof of the activity can be read"), str(exc))]
    root = root_from_path(item, found.leaf_index, found.tree_size, path)
    sealed = root is not None and (root.hex(), found.tree_size) == (statement.activities_root, statement.activities)
    same = (leaf.get("format"), leaf.get("activity_id")) == (ACTIVITY_LEAF_FORMAT, str(proof.activity_id)) and (
        leaf.get("amount_mg"),
        leaf.get("at"),
    ) == (posting.get("amount_mg"), posting.get("posted_at"))
    return [
        Check(
            same and leaf.get("status") in EARNED,
            Text("入账来自这次行为", "the posting credits this activity"),
            f"{leaf.get('act_kind')}, {leaf.get('scene')}",
        ),
        Check(
            sealed,
            Text("行为在当日的哈希树中", "the activity is in the day's tree"),
            f"{proof.digest.day}, {found.leaf_index + 1}/{found.tree_size}",
        ),
        *_recomputed(found, leaf),
    ]


def _recomputed(found: ActivityProof, leaf: Mapping[str, Any]) -> list[Check]:
    documents = Text("方法学与因子是封存的版本", "methodology and factors are the sealed ones")
    formula = Text("按封存的输入重算上限前的减碳量", "the sealed inputs give the amount before caps")
    try:
        assert found.methodology is not None
        document = methodology_from_plain(found.methodology.document)
        factors = [factor_from_plain(factor.document) for factor in found.factors]
        method = compile_methodology(document, factor_set(factors))
        named = {"code": document.code, "sha256": content_sha256(document), "version": document.version}
        hashed = sorted(
            ({"factor_id": f.id, "sha256": content_sha256(f), "vintage": f.vintage} for f in factors),
            key=lambda f: (str(f["factor_id"]), str(f["vintage"])),
        )
    except (DocumentInvalid, AssertionError, *_UNREADABLE) as exc:
        return [Check(False, documents, str(exc))]
    same = (leaf.get("methodology"), leaf.get("factors")) == (named, hashed)
    try:
        day = date.fromisoformat(str(leaf.get("local_date")))
        raw_mg = method.raw_mg(leaf["inputs"], str(leaf["evidence_tier"]), day)
        fits = raw_mg == leaf["raw_mg"] and 0 < leaf["amount_mg"] <= raw_mg
    except (NotComputable, *_UNREADABLE) as exc:
        return [Check(same, documents, method.label), Check(False, formula, repr(exc))]
    return [
        Check(same, documents, method.label),
        Check(fits, formula, f"{document.formula} = {raw_mg} mg, {leaf['amount_mg']} mg"),
    ]


def check_openings(bundle: Bundle, found: ActivityProof) -> list[Check]:
    """Check that act, judgement, account and raw event of a bundle are those that were sealed."""
    text = Text("上报的数据与判定是封存的内容", "the reported act and the judgement are the sealed ones")
    opened, activity = found.openings, bundle.activity
    if opened is None:
        return [Check(False, text, "no openings")]
    try:
        leaf: dict[str, Any] = msgspec.json.decode(found.leaf, type=dict[str, Any])
        stored = {"judgement": json.loads(opened.judgement.content), "activity_id": activity.activity_id}
        stored |= {"account_id": activity.account_id, "amount_mg": activity.amount_mg, "scene": leaf["scene"]}
        stored |= {f"methodology_{name}": leaf["methodology"][name] for name in ("code", "version")}
        values = {
            "act": json.loads(opened.act.content) == bundle.act,
            "judgement": from_row(stored) == from_record(bundle.judgement or {}),
            "raw_event": opened.raw_event.content == activity.raw_event_sha256,
            "account": opened.account.content == str(activity.account_id),
        }
        hashes = {
            "act": _hash_of_text(opened.act),
            "judgement": _hash_of_text(opened.judgement),
            "raw_event": salted_hash(bytes.fromhex(opened.raw_event.content), bytes.fromhex(opened.raw_event.salt)),
            "account": account_commitment(activity.account_id, bytes.fromhex(opened.account.salt)),
        }
    except _UNREADABLE as exc:
        return [Check(False, text, repr(exc))]
    wrong = [name for name, same in values.items() if not same or hashes[name] != leaf.get(name)]
    if leaf.get("received_at") != instant_text(activity.received_at):
        wrong.append("received_at")
    return [Check(not wrong, text, ", ".join(wrong))]


def _hash_of_text(opening: HashOpening) -> str:
    return salted_hash(hashlib.sha256(opening.content.encode()).digest(), bytes.fromhex(opening.salt))
