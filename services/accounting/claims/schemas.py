"""HTTP models of claims."""

from pydantic import BaseModel, ConfigDict, Field


class Evidence(BaseModel):
    """Evidence of a citizen. Only its hash is stored. It does not count as proof."""

    model_config = ConfigDict(extra="forbid")

    receipt_no: str | None = Field(
        None, min_length=1, max_length=64, pattern=r"^[^\x00]*$", description="小票号 The shop's receipt number"
    )
    photo_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$", description="照片的哈希 Hash of a photo")


class ClaimRequest(BaseModel):
    """An act that the citizen declares right after it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"scene": "own_bag", "count": 1, "client_request_id": "bag-20261124-0001"}},
    )

    scene: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["own_bag"])
    count: int = Field(ge=1, le=1000, strict=True, description="数量；合理范围由方法学规定 The methodology limits it")
    city_code: str | None = Field(None, pattern=r"^[0-9]{6}$", description="GB/T 2260，默认本市 default: the city")
    evidence: Evidence | None = None
    client_request_id: str | None = Field(
        None,
        pattern=r"^[\x21-\x7e]{8,128}$",
        description="没有 Idempotency-Key 请求头时必填 Required without an Idempotency-Key header",
    )
