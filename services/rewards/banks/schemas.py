"""HTTP models of banks, for operators."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.rewards.approvals.schemas import ReasonOnly
from services.rewards.banks.domain import ANSWER_HOURS_MAX, APP_KEY_PATTERN, FEN_PER_KG_MAX, MONTH_FEN_MAX
from services.rewards.banks.service import Bank
from services.rewards.slugs import SLUG_PATTERN
from shared.instants import Instant

Algorithm = Literal["CP1-ED25519", "CP1-RSA-SHA256", "CP1-SM2-SM3"]
BankName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")
]
PublicKey = Annotated[str, StringConstraints(min_length=32, max_length=4096, pattern=r"^[\x20-\x7e\r\n]+$")]
_PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n"
)
_TERMS: dict[str, Any] = {
    "name_zh": "江城示范银行",
    "name_en": "Jiangcheng Example Bank",
    "budget_id": "loans-jiangcheng",
    "fen_per_kg": 200,
    "month_fen": 20_000,
    "answer_hours": 48,
}
_KEY: dict[str, Any] = {"app_key": "bk-jiangcheng-1", "algorithm": "CP1-ED25519", "public_key": _PEM}


class _Terms(ReasonOnly):
    name_zh: BankName
    name_en: BankName
    budget_id: str = Field(pattern=SLUG_PATTERN, description="由这个预算付利息 The budget that pays the interest")
    fen_per_kg: int = Field(
        200, ge=1, le=FEN_PER_KG_MAX, strict=True, description="一千克抵多少分 Fen of interest for a kilogram"
    )
    month_fen: int = Field(ge=1, le=MONTH_FEN_MAX, strict=True, description="每人每月上限（分） Of a person and month")
    answer_hours: int = Field(
        48, ge=1, le=ANSWER_HOURS_MAX, strict=True, description="银行逾期未答复就退回 Then the grams go back"
    )


class _Key(BaseModel):
    app_key: str = Field(pattern=APP_KEY_PATTERN, description="银行签名时写的名称 The name in the bank's signatures")
    algorithm: Algorithm
    public_key: PublicKey = Field(description="公钥，PEM；SM2 也可用十六进制点 PEM, for SM2 also a point in hex")

    def key_fields(self) -> dict[str, Any]:
        return {"app_key": self.app_key, "algorithm": self.algorithm, "public_key": self.public_key}


class BankTerms(_Terms):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {**_TERMS, "reason": "补充协议 2026-12"}})

    def terms(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _TERMS}


class BankRequest(BankTerms, _Key):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"bank_id": "jiangcheng", **_TERMS, **_KEY, "reason": "合作协议 2026-07"}},
    )

    bank_id: str = Field(pattern=SLUG_PATTERN)


class BankKeyRequest(ReasonOnly, _Key):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {**_KEY, "app_key": "bk-jiangcheng-2", "reason": "换钥匙"}}
    )


class BankKeyView(BaseModel):
    app_key: str
    algorithm: Algorithm
    live_at: Instant
    revoked_at: Instant | None


class BankDetail(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "bank_id": "jiangcheng",
                **_TERMS,
                "registered_at": "2026-11-27T09:30:00+08:00",
                "suspended_at": None,
                "keys": [
                    {
                        "app_key": "bk-jiangcheng-1",
                        "algorithm": "CP1-ED25519",
                        "live_at": "2026-11-27T09:30:00+08:00",
                        "revoked_at": None,
                    }
                ],
            }
        }
    )

    bank_id: str
    name_zh: str
    name_en: str
    budget_id: str
    fen_per_kg: int
    month_fen: int
    answer_hours: int
    registered_at: Instant
    suspended_at: Instant | None
    keys: list[BankKeyView]

    @classmethod
    def of(cls, bank: Bank) -> Self:
        keys: list[Any] = [
            {
                "app_key": key.app_key,
                "algorithm": key.algorithm,
                "live_at": key.live_at,
                "revoked_at": key.revoked_at,
            }
            for key in bank.keys
        ]
        return cls(
            bank_id=bank.bank_id,
            name_zh=bank.name.zh,
            name_en=bank.name.en,
            budget_id=bank.budget_id,
            fen_per_kg=bank.fen_per_kg,
            month_fen=bank.month_fen,
            answer_hours=bank.answer_hours,
            registered_at=bank.registered_at,
            suspended_at=bank.suspended_at,
            keys=keys,
        )


class BankList(BaseModel):
    """All banks, at most 50."""

    items: list[BankDetail]
