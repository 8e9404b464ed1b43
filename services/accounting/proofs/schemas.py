"""HTTP models of the proofs. The verifier reads a saved `Proof` or `Bundle`."""

import uuid
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.accounting.proofs.domain import BUNDLE_FORMAT, PROOF_FORMAT
from services.accounting.proofs.service import Bundle as BundleFound
from services.accounting.proofs.service import Document as DocumentFound
from services.accounting.proofs.service import InclusionProof

Hex = str


class Signature(BaseModel):
    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: Hex
    value: Hex


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
                "sealed_at": "2026-11-22T16:05:03Z",
            }
        }
    )

    day: date
    postings: int
    statement: str
    sha256: Hex
    previous: Hex | None = Field(description="前一天摘要的哈希 Hash of the statement of the day before")
    signature: Signature | None = Field(description="未设置签名密钥时为空 Null without a signing key")
    sealed_at: datetime


class Opening(BaseModel):
    """Opens a commitment: the leaf contains SHA-256(salt | account id)."""

    account_id: uuid.UUID
    salt: Hex


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
    digest: Digest
    chain_head: Digest = Field(description="最新一天的摘要 The digest of the newest day")


class Document(BaseModel):
    sha256: Hex
    document: dict[str, Any]


class BundledActivity(BaseModel):
    activity_id: uuid.UUID
    account_id: uuid.UUID
    partner_id: str
    event_id: str
    status: str
    reason_code: str
    amount_mg: int
    received_at: datetime
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
    sealed_after: datetime | None = Field(description="此后可取得证明 The proof is available after this time")


def digest_view(row: Any) -> Digest:
    signed = Signature(public_key=row.public_key, value=row.signature) if row.signature else None
    return Digest(
        day=row.day,
        postings=row.postings,
        statement=row.statement,
        sha256=row.sha256,
        previous=row.previous,
        signature=signed,
        sealed_at=row.sealed_at,
    )


def proof_view(found: InclusionProof, *, to_owner: bool = False) -> Proof:
    credit = Opening(account_id=uuid.UUID(str(found.credit_account)), salt=found.credit_salt.hex())
    return Proof(
        activity_id=uuid.UUID(str(found.activity_id)),
        leaf=found.leaf,
        leaf_salt=found.leaf_salt.hex(),
        leaf_index=found.leaf_index,
        tree_size=found.tree_size,
        path=[item.hex() for item in found.path],
        debit=Opening(account_id=uuid.UUID(str(found.debit_account)), salt=found.debit_salt.hex()),
        credit=credit if to_owner else None,
        digest=digest_view(found.digest),
        chain_head=digest_view(found.head),
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
