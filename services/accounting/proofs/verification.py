"""Checks of proofs and bundles from their content alone: no database, no network, no clock.

Each check answers one question. A bundle cannot prove how much of the caps was used before, nor the binding, nor the
signature of the partner. No check claims these.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec

from services.accounting.judging.domain import Judgement
from services.accounting.judging.stored import from_record
from services.accounting.judging.subjects import period_start
from services.accounting.ledger.chart import issuance_code, sub_account_id, system_account_id
from services.accounting.methodologies.compiled import Compiled, compile_methodology, factor_set
from services.accounting.methodologies.document import content_sha256, factor_from_plain, methodology_from_plain
from services.accounting.methodologies.errors import DocumentInvalid, NotComputable
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.proofs.activity_verification import check_activity, check_openings
from services.accounting.proofs.domain import (
    LEAF_FORMAT,
    Check,
    Statement,
    account_commitment,
    salted_leaf_hash,
    statement_of,
)
from services.accounting.proofs.schemas import Bundle, Digest, Opening, Proof
from shared import clock
from shared.contracts.activities_v1 import Act as ReportedAct
from shared.language import Text
from shared.seals.merkle import root_from_path
from shared.seals.signer import is_signature_valid
from shared.seals.statements import statement_hash

_EARNED = frozenset({"credited", "pending", "reversed"})


def check_proof(proof: Proof, *, public_key: str | None = None, chain: Sequence[Digest] = ()) -> list[Check]:
    """Check a proof.

    `public_key` is the published key of the operator. `chain` are digests saved before; the proof must connect to them.
    """
    checks = [*_leaf_checks(proof), *check_digest(proof.digest, public_key)]
    statement = read_statement(proof.digest)
    if statement is not None and statement.has_activities:
        checks += check_activity(proof, statement)
    if proof.chain_head.sha256 != proof.digest.sha256:
        checks += check_digest(proof.chain_head, public_key)
    if chain:
        checks += check_chain([*chain, proof.digest, proof.chain_head])
    return checks


def _leaf_checks(proof: Proof) -> list[Check]:
    statement = read_statement(proof.digest)
    try:
        leaf: dict[str, Any] = msgspec.json.decode(proof.leaf, type=dict[str, Any])
        item = salted_leaf_hash(proof.leaf.encode(), bytes.fromhex(proof.leaf_salt))
        path = [bytes.fromhex(sibling) for sibling in proof.path]
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as exc:
        return [Check(False, Text("证明可读", "the proof can be read"), str(exc))]
    root = root_from_path(item, proof.leaf_index, proof.tree_size, path)
    sealed = (
        statement is not None
        and root is not None
        and (root.hex(), proof.tree_size) == (statement.root, statement.postings)
    )
    identity = (leaf.get("format"), leaf.get("kind"), leaf.get("activity_id"))
    return [
        Check(
            identity == (LEAF_FORMAT, "credit", str(proof.activity_id)),
            Text("这笔入账属于这次行为", "the posting is the credit of this activity"),
            f"{leaf.get('amount_mg')} mg, {leaf.get('posted_at')}",
        ),
        Check(
            sealed,
            Text("入账在当日的哈希树中", "the posting is in the day's tree"),
            f"{proof.digest.day}, {proof.leaf_index + 1}/{proof.tree_size}",
        ),
        *_opening_checks(leaf, "debit", proof.debit, Text("发放账户", "the issuance account")),
        *(
            _opening_checks(leaf, "credit", proof.credit, Text("本人账户", "the citizen's account"))
            if proof.credit
            else ()
        ),
    ]


def _opening_checks(leaf: Mapping[str, Any], side: str, opening: Opening, owner: Text) -> list[Check]:
    try:
        salt = bytes.fromhex(opening.salt)
    except ValueError:
        salt = b""
    ok = account_commitment(opening.account_id, salt) == leaf.get(side)
    return [
        Check(ok, Text(f"{owner.zh}与入账相符", f"{owner.en} is the account of the posting"), str(opening.account_id))
    ]


def read_statement(digest: Digest) -> Statement | None:
    try:
        return statement_of(digest.statement)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def check_digest(digest: Digest, public_key: str | None = None) -> list[Check]:
    statement = read_statement(digest)
    repeated = (
        statement is not None
        and statement.is_known
        and (statement.day, statement.postings, statement.previous) == (digest.day, digest.postings, digest.previous)
        and (statement.activities if statement.has_activities else None) == digest.activities
    )
    day = str(digest.day)
    same = repeated and statement_hash(digest.statement) == digest.sha256
    checks = [Check(same, Text(f"{day} 的摘要与哈希一致", f"the statement of {day} matches its hash"), digest.sha256)]
    signature = digest.signature
    if signature is None:
        if public_key is not None:
            checks.append(Check(False, Text(f"{day} 的摘要已签名", f"the statement of {day} is signed"), "unsigned"))
        return checks
    known = public_key is None or public_key.lower() == signature.public_key
    fits = is_signature_valid(digest.statement, public_key=signature.public_key, signature=signature.value)
    checks.append(
        Check(
            known and fits,
            Text(f"{day} 的签名有效", f"the signature of {day} is valid"),
            f"Ed25519 {signature.public_key}",
        )
    )
    return checks


def check_chain(digests: Sequence[Digest]) -> list[Check]:
    """Check that the digests, in any order and with repeats, form one unbroken chain of days."""
    by_day: dict[date, Digest] = {}
    for digest in digests:
        known = by_day.setdefault(digest.day, digest)
        if (known.statement, known.sha256) != (digest.statement, digest.sha256):
            text = Text(f"{digest.day} 只有一份摘要", f"there is only one digest of {digest.day}")
            return [Check(False, text, f"{known.sha256} / {digest.sha256}")]
    days = sorted(by_day)
    for first, second in pairwise(days):
        if (second - first).days != 1 or by_day[second].previous != by_day[first].sha256:
            return [Check(False, Text("每日摘要首尾相连", "the digests form a chain"), f"{first} → {second}")]
    wrong = [d for d in by_day.values() if not all(check.ok for check in check_digest(d))]
    detail = f"{days[0]} … {days[-1]}" if days else ""
    return [Check(bool(days) and not wrong, Text("每日摘要首尾相连", "the digests form a chain"), detail)]


def check_bundle(bundle: Bundle, *, public_key: str | None = None, chain: Sequence[Digest] = ()) -> list[Check]:
    """Recompute the amount of a bundle, and check its proof if it has one."""
    if bundle.judgement is None:
        nothing = bundle.activity.amount_mg == 0
        return [Check(nothing, Text("没有判定，也没有入账", "no judgement and no credit"), bundle.activity.reason_code)]
    try:
        judgement = from_record(bundle.judgement)
    except msgspec.ValidationError as exc:
        return [Check(False, Text("判定可读", "the judgement can be read"), str(exc))]
    checks = [_same_activity(bundle, judgement)]
    if bundle.methodology is not None:
        checks += _recomputed(bundle, judgement)
    elif judgement.methodology_code is not None or judgement.amount_mg:
        checks.append(Check(False, Text("附有方法学", "the bundle contains the methodology")))
    if bundle.proof is not None:
        checks += _proof_of(bundle, bundle.proof, judgement)
        if bundle.proof.activity is not None:
            checks += check_openings(bundle, bundle.proof.activity)
        checks += check_proof(bundle.proof, public_key=public_key, chain=chain)
    return checks


def _same_activity(bundle: Bundle, judgement: Judgement) -> Check:
    activity = bundle.activity
    ok = (judgement.activity_id, judgement.amount_mg) == (activity.activity_id, activity.amount_mg) and (
        (activity.amount_mg > 0) == (activity.status in _EARNED)
    )
    return Check(
        ok,
        Text("判定属于这次行为", "the judgement belongs to this activity"),
        f"{activity.status}, {activity.reason_code}",
    )


def _recomputed(bundle: Bundle, judgement: Judgement) -> list[Check]:
    assert bundle.methodology is not None
    try:
        document = methodology_from_plain(bundle.methodology.document)
        factors = [factor_from_plain(factor.document) for factor in bundle.factors]
        method = compile_methodology(document, factor_set(factors))
    except DocumentInvalid as exc:
        return [Check(False, Text("方法学与因子完整", "methodology and factors are complete"), str(exc))]
    hashes = content_sha256(document) == bundle.methodology.sha256 and all(
        content_sha256(factor) == given.sha256 for factor, given in zip(factors, bundle.factors, strict=True)
    )
    named = (document.code, document.version) == (judgement.methodology_code, judgement.methodology_version)
    pinned = set(judgement.factors) == set(method.factor_refs)
    checks = [
        Check(
            hashes,
            Text("方法学与因子的哈希一致", "methodology and factors match their hashes"),
            bundle.methodology.sha256,
        ),
        Check(
            named and pinned,
            Text("判定所用的版本与年份", "versions and vintages are those of the judgement"),
            method.label,
        ),
    ]
    if bundle.act is not None and judgement.amount_mg:
        checks.append(_inputs_match(bundle, judgement, method))
    if judgement.amount_mg or judgement.raw_mg:
        checks.append(_raw_amount(judgement, method))
        checks.append(_capped_amount(judgement, method))
    else:
        checks.append(Check(judgement.amount_mg == 0, Text("未累计", "nothing credited"), judgement.reason_code))
    return checks


def _inputs_match(bundle: Bundle, judgement: Judgement, method: Compiled) -> Check:
    text = Text("输入即上报的数据，方法学适用", "the inputs are the reported data, and the methodology applies")
    try:
        act, day = _act_of(bundle)
        read = {slot.field: slot.read(act) for slot in method.slots}
        applies = MethodologyIndex([method]).find(act) is method
    except (msgspec.ValidationError, AttributeError, KeyError, ValueError) as exc:  # invented fields or time zones
        return Check(False, text, str(exc))
    ok = read == judgement.inputs and applies and day == judgement.local_date
    return Check(ok, text, ", ".join(f"{name}={value}" for name, value in read.items()))


def _act_of(bundle: Bundle) -> tuple[Any, date]:
    """Return the reported act with all attributes that a formula may read, and its local day."""
    reported = msgspec.convert(bundle.act, ReportedAct)
    fields = {name: getattr(reported, name) for name in reported.__struct_fields__}
    elapsed = reported.ended_at - reported.started_at if reported.ended_at else None
    elapsed_s = elapsed.days * 86_400 + elapsed.seconds if elapsed is not None else None
    day = clock.local_date(reported.started_at, bundle.time_zone)
    act = SimpleNamespace(
        **fields,
        local_date=day,
        elapsed_s=elapsed_s,
        duration_or_elapsed_s=elapsed_s if reported.duration_s is None else reported.duration_s,
    )
    return act, day


def _raw_amount(judgement: Judgement, method: Compiled) -> Check:
    text = Text("按公式重算上限前的减碳量", "the formula gives the amount before caps")
    try:
        assert judgement.local_date is not None
        raw_mg = method.raw_mg(judgement.inputs, str(judgement.evidence_tier), judgement.local_date)
    except (NotComputable, KeyError, AssertionError) as exc:
        return Check(False, text, repr(exc))
    return Check(raw_mg == judgement.raw_mg, text, f"{method.document.formula} = {raw_mg} mg")


def _capped_amount(judgement: Judgement, method: Compiled) -> Check:
    """Recompute the amount that the caps grant, from their usage before the act as the judgement states it."""
    text = Text("按上限重算入账量", "the caps give the amount credited")
    rules = {cap.id: cap for cap in (*method.count_caps, *method.amount_caps)}
    granted_mg = judgement.raw_mg
    unpassed = set(rules)
    for cap in judgement.caps:
        rule = rules.get(cap.cap_id)
        stated = (cap.limit, cap.measure, cap.per)
        if rule is None or (rule.limit, rule.measure, rule.per) != stated or judgement.local_date is None:
            return Check(False, text, cap.cap_id)
        if cap.period_start != period_start(rule.period, judgement.local_date):
            return Check(False, text, f"{cap.cap_id} {cap.period_start}")
        unpassed.discard(cap.cap_id)  # a cap per household has two counters: the household's and the person's
        left = max(0, cap.limit - cap.used_before)
        granted_mg = min(granted_mg, left) if cap.measure == "mg" else granted_mg if left else 0
    if judgement.amount_mg and unpassed:  # a credit has passed every cap
        return Check(False, text, ", ".join(sorted(unpassed)))
    # An act that was refused for another reason names no cap and earned nothing.
    ok = granted_mg == judgement.amount_mg or (judgement.amount_mg == 0 and not judgement.caps)
    return Check(ok, text, f"{judgement.raw_mg} → {judgement.amount_mg} mg")


def _seen_from_owner(proof: Proof, owner_id: UUID) -> Proof:
    """Replace the pending account in a proof by its owner: a vesting credit is sealed with the pending account."""
    credit = proof.credit
    theirs = credit is not None and credit.account_id == sub_account_id(owner_id, "pending")
    seen = credit.model_copy(update={"account_id": owner_id}) if credit is not None and theirs else None
    return proof.model_copy(update={"credit": seen})


def _proof_of(bundle: Bundle, proof: Proof, judgement: Judgement) -> list[Check]:
    if judgement.vesting_days:
        proof = _seen_from_owner(proof, judgement.holder_id or bundle.activity.account_id)
    try:
        leaf = msgspec.json.decode(proof.leaf, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        leaf = {}
    issuer = system_account_id(issuance_code(str(judgement.methodology_code)))
    ok = (
        (proof.activity_id, leaf.get("amount_mg")) == (bundle.activity.activity_id, judgement.amount_mg)
        and proof.debit.account_id == issuer
        and proof.credit is not None
        and judgement.account_id == bundle.activity.account_id
        and proof.credit.account_id == judgement.holder_id
    )
    return [
        Check(
            ok,
            Text("封存的入账正是重算的数额", "the sealed posting has the recomputed amount"),
            f"{leaf.get('amount_mg')} mg",
        )
    ]
