"""HTTP models of the proofs. The verifier reads a saved `Proof` or `Bundle`."""

import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from services.accounting.proofs.domain import BUNDLE_FORMAT, PROOF_FORMAT
from services.accounting.proofs.service import ActivityProof as ActivityProofFound
from services.accounting.proofs.service import Bundle as BundleFound
from services.accounting.proofs.service import Document as DocumentFound
from services.accounting.proofs.service import InclusionProof
from shared.contracts.outcomes_v1 import REASON_CODES, Status
from shared.instants import ExactInstant, Instant
from shared.language import Language
from shared.openapi.closed import one_of

Hex = str


class Signature(BaseModel):
    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: Hex
    value: Hex


class RecordsDigest(BaseModel):
    """The sealed records of operators of one day: publications, approvals and the audit log, a chain of its own."""

    records: int
    statement: str
    sha256: Hex
    previous: Hex | None
    signature: Signature | None


class Digest(BaseModel):
    """One sealed day. `statement` is the exact text that is hashed, chained and signed. Other fields repeat it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "day": "2026-11-22",
                "postings": 62614,
                "statement": '{"day":"2026-11-22","format":"carbon-digest/1","postings":62614,"previous":null,'
                '"root":"5df6e0e2…","time_zone":"Asia/Shanghai"}',
                "sha256": "0a3a6d…",
                "previous": None,
                "signature": None,
                "sealed_at": "2026-11-23T00:05:03+08:00",
            }
        }
    )

    day: date
    postings: int
    activities: int | None = Field(
        None,
        description="当日封存的行为与后续判定数；旧格式为空 Sealed activities and later verdicts; null in format 1",
    )
    statement: str
    sha256: Hex
    previous: Hex | None = Field(description="前一天摘要的哈希 Hash of the statement of the day before")
    signature: Signature | None = Field(description="未设置签名密钥时为空 Null without a signing key")
    sealed_at: Instant
    checked_at: Instant | None = Field(None, description="最近一次复核这一天 When this day was last rechecked")
    intact: bool | None = Field(None, description="复核是否一致；未复核为空 Whether it matched; null before")
    records: RecordsDigest | None = Field(
        None, description="同日运营记录的摘要，另成一链 The digest of the operators' records of the day, a second chain"
    )


class SealFinding(BaseModel):
    day: date
    text: str
    since: Instant | None
    until: Instant | None


class SealRun(BaseModel):
    """One recheck of all seals and equations."""

    newest_day: date = Field(description="开始时最新的封存日 The newest sealed day when it began")
    started_at: Instant
    finished_at: Instant | None
    stage: Literal["days", "records", "copy", "library", "equations", "done"]
    days: int = Field(description="已复核的天数 Days checked so far")
    steps: int
    findings: list[SealFinding] = Field(description="最多 1000 条 At most 1,000")
    equations: dict[str, int] = Field(description="已核对的等式，成立为 0 Equations checked so far, 0 while they hold")


class SealChecks(BaseModel):
    """The state of the seals. `ok` is null before the first complete run."""

    ok: bool | None
    last: SealRun | None = Field(description="最近一次完整复核 The last complete run")
    running: SealRun | None = Field(description="正在进行的复核 The run under way")
    refused: list[str] = Field(
        description="与批准内容不符的方法学与因子 Library entries that differ from their approval"
    )


class Opening(BaseModel):
    """Opens a commitment: the leaf contains SHA-256(salt | account id)."""

    account_id: uuid.UUID
    salt: Hex


class Document(BaseModel):
    sha256: Hex
    document: dict[str, Any]


class HashOpening(BaseModel):
    """Opens a commitment to a text: the leaf contains SHA-256(salt | SHA-256(text)), or SHA-256(salt | value)."""

    content: str
    salt: Hex


class ActivityOpenings(BaseModel):
    """Opens the commitments of an activity's leaf to its owner."""

    account: HashOpening = Field(description="本人账户 id The id of the citizen's account")
    act: HashOpening = Field(description="上报的数据，封存时的文本 The reported act, its text when it was sealed")
    judgement: HashOpening = Field(description="判定，封存时的文本 The stored judgement, its text when it was sealed")
    raw_event: HashOpening = Field(description="原始事件的哈希 The hash of the raw event")


class ActivityProof(BaseModel):
    """Proof that the activity is in the day's tree of activities, with all that is needed to recompute its grams."""

    leaf: str
    leaf_salt: Hex
    leaf_index: int
    tree_size: int
    path: list[Hex]
    methodology: Document | None
    factors: list[Document]
    openings: ActivityOpenings | None = Field(None, description="仅本人可见 Only in the owner's bundle")


class Proof(BaseModel):
    """Proof that a credit is in the sealed tree of its day. The hash covers `leaf_salt` and then `leaf`."""

    format: Literal["carbon-proof/1"] = PROOF_FORMAT
    activity_id: uuid.UUID
    leaf: str
    leaf_salt: Hex
    leaf_index: int
    tree_size: int
    path: list[Hex]
    debit: Opening = Field(description="发放账户 The issuance account of the methodology")
    credit: Opening | None = Field(
        None, description="仅本人可见 The account of the citizen, only in the owner's bundle"
    )
    activity: ActivityProof | None = Field(
        None, description="行为及其判定的证明；旧格式的日子为空 Proof of the act and its judgement, null for old days"
    )
    digest: Digest
    chain_head: Digest = Field(description="最新一天的摘要 The digest of the newest day")


class BundledActivity(BaseModel):
    activity_id: uuid.UUID
    account_id: uuid.UUID
    partner_id: str
    event_id: str
    status: Annotated[str, one_of(get_args(Status))]
    reason_code: Annotated[str, one_of(REASON_CODES)]
    amount_mg: int
    received_at: ExactInstant
    raw_event_sha256: Hex


class Bundle(BaseModel):
    """All data that is needed to judge the activity again offline."""

    format: Literal["carbon-bundle/1"] = BUNDLE_FORMAT
    time_zone: str
    activity: BundledActivity
    act: dict[str, Any] | None = Field(description="合作方上报的数据 What the partner reported")
    judgement: dict[str, Any] | None
    methodology: Document | None
    factors: list[Document]
    proof: Proof | None
    sealed_after: Instant | None = Field(description="此后可取得证明 The proof is available after this time")


def digest_view(row: Any) -> Digest:
    signed = Signature(public_key=row.public_key, value=row.signature) if row.signature else None
    return Digest(
        day=row.day,
        postings=row.postings,
        activities=row.activities,
        statement=row.statement,
        sha256=row.sha256,
        previous=row.previous,
        signature=signed,
        sealed_at=row.sealed_at,
        checked_at=row.checked_at,
        intact=None if row.checked_at is None else row.findings == 0,
        records=_records_digest(row) if row.records is not None else None,
    )


def _records_digest(row: Any) -> RecordsDigest:
    signed = (
        Signature(public_key=row.records_public_key, value=row.records_signature) if row.records_signature else None
    )
    return RecordsDigest(
        records=row.records,
        statement=row.records_statement,
        sha256=row.records_sha256,
        previous=row.records_previous,
        signature=signed,
    )


def run_view(row: Any, language: Language) -> SealRun:
    findings = [
        SealFinding(day=one["day"], text=one[f"text_{language}"], since=one["since"], until=one["until"])
        for one in row.findings
    ]
    return SealRun(
        newest_day=row.newest_day,
        started_at=row.started_at,
        finished_at=row.finished_at,
        stage=row.position["stage"],
        days=row.days,
        steps=row.steps,
        findings=findings,
        equations=row.equations,
    )


def proof_view(found: InclusionProof, *, to_owner: bool = False) -> Proof:
    credit = Opening(account_id=uuid.UUID(str(found.credit_account)), salt=found.credit_salt.hex())
    return Proof(
        activity_id=uuid.UUID(str(found.activity_id)),
        leaf=found.leaf,
        leaf_salt=found.leaf_salt.hex(),
        leaf_index=found.place.index,
        tree_size=found.place.size,
        path=[item.hex() for item in found.place.path],
        debit=Opening(account_id=uuid.UUID(str(found.debit_account)), salt=found.debit_salt.hex()),
        credit=credit if to_owner else None,
        activity=_activity_proof(found.activity, to_owner=to_owner) if found.activity else None,
        digest=digest_view(found.digest),
        chain_head=digest_view(found.head),
    )


def _activity_proof(found: ActivityProofFound, *, to_owner: bool) -> ActivityProof:
    version, salts = found.version, found.salts
    openings = ActivityOpenings(
        account=HashOpening(content=str(version["account_id"]), salt=salts.account.hex()),
        act=HashOpening(content=version["act_text"], salt=salts.act.hex()),
        judgement=HashOpening(content=version["judgement_text"], salt=salts.judgement.hex()),
        raw_event=HashOpening(content=bytes(version["raw_sha256"]).hex(), salt=salts.raw_event.hex()),
    )
    return ActivityProof(
        leaf=found.leaf,
        leaf_salt=salts.leaf.hex(),
        leaf_index=found.place.index,
        tree_size=found.place.size,
        path=[item.hex() for item in found.place.path],
        methodology=_document(found.methodology) if found.methodology else None,
        factors=[_document(factor) for factor in found.factors],
        openings=openings if to_owner else None,
    )


def _document(found: DocumentFound) -> Document:
    return Document(sha256=found.sha256, document=found.document)


def bundle_view(found: BundleFound, *, time_zone: str) -> Bundle:
    row = found.activity
    return Bundle(
        time_zone=time_zone,
        activity=BundledActivity(
            activity_id=row.activity_id,
            account_id=row.account_id,
            partner_id=row.partner_id,
            event_id=row.event_id,
            status=row.status,
            reason_code=row.reason_code,
            amount_mg=row.amount_mg,
            received_at=row.received_at,
            raw_event_sha256=row.raw_sha256.hex(),
        ),
        act=row.act,
        judgement=found.judgement,
        methodology=_document(found.methodology) if found.methodology else None,
        factors=[_document(factor) for factor in found.factors],
        proof=proof_view(found.proof, to_owner=True) if found.proof else None,
        sealed_after=datetime.fromisoformat(found.sealed_after) if found.sealed_after else None,
    )
