"""What operators are shown of partners and keys. Only IssuedKey has a field for a secret."""

import uuid
from typing import Any, Literal, cast

from pydantic import BaseModel, Field

from services.ingest.partners import proposals
from services.ingest.partners.domain import Environment, KeyState
from services.ingest.partners.domain import Status as PartnerStatus
from shared.approvals_kinds import Proposal, Status
from shared.instants import Instant


class KeyView(BaseModel):
    app_key: str = Field(examples=["ak-bike-3f9c2a7d41e0b6c8"])
    algorithm: str = Field(examples=["CP1-ED25519"])
    environment: Environment
    state: KeyState
    public_key_sha256: str | None = Field(description="登记的公钥的摘要 · of the registered text; null for secrets")
    rule: dict[str, Any] | None = Field(description="旧式签名的规则 · of an older signature")
    not_before: Instant | None
    not_after: Instant | None
    revoked_at: Instant | None
    created_at: Instant


class IssuedKey(KeyView):
    secret: str | None = Field(description="只显示这一次；公钥算法为空 · shown this once; null for public keys")


class PartnerView(BaseModel):
    """A partner as operators see it. `has_phone_pepper` and `has_oauth` say whether a secret is set."""

    partner_id: str
    name: str
    name_en: str
    source: str
    scenes: list[str]
    event_types: list[str]
    cities: list[str]
    late_window_s: int
    binding_modes: list[str]
    environment: Environment
    status: PartnerStatus
    requests_per_s: int | None
    requests_burst: int | None
    events_per_s: int | None
    events_burst: int | None
    events_per_day: int | None
    allowed_networks: list[str]
    has_phone_pepper: bool
    has_oauth: bool
    updated_at: Instant
    keys: list[KeyView]


Kind = Literal["partner.create", "partner.change", "partner.resume", "key.issue", "key.times"]


class PartnerProposal(BaseModel):
    """A change that waits for a second operator. `content` is what will be done; it holds no secret."""

    proposal_id: uuid.UUID
    kind: Kind
    partner_id: str
    app_key: str | None = Field(description="涉及的密钥 · null unless it is about a key")
    status: Status
    content: dict[str, Any]
    reason: str
    proposed_by: str
    proposed_at: Instant
    expires_at: Instant
    decided_by: str | None
    decided_at: Instant | None

    @classmethod
    def of(cls, proposal: Proposal) -> "PartnerProposal":
        return cls(**_proposal_fields(proposal))


class ProposedKey(PartnerProposal):
    """A live key that waits for a second operator. Until then its signatures are refused."""

    secret: str | None = Field(description="只显示这一次，只给提议人；公钥算法为空 · shown once, to the proposer only")

    @classmethod
    def with_secret(cls, proposal: Proposal, secret: str | None) -> "ProposedKey":
        return cls(**_proposal_fields(proposal), secret=secret)


def _proposal_fields(proposal: Proposal) -> dict[str, Any]:
    return {
        "proposal_id": proposal.proposal_id,
        "kind": cast("Kind", proposal.kind),
        "partner_id": proposals.partner_of(proposal),
        "app_key": proposals.app_key_of(proposal),
        "status": proposal.status,
        "content": dict(proposal.content),
        "reason": proposal.reason,
        "proposed_by": proposal.proposed_by,
        "proposed_at": proposal.proposed_at,
        "expires_at": proposal.expires_at,
        "decided_by": proposal.decided_by,
        "decided_at": proposal.decided_at,
    }
