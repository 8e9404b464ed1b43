"""HTTP models of the signature debugger."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.ingest.debugging.domain import Difference
from services.ingest.debugging.service import Diagnosis
from services.ingest.debugging.wording import sentence_of
from shared.errors import InvalidValue
from shared.language import Language, Text

TEXT_CHARS_MAX = 40_000


class FailingRequest(BaseModel):
    """The request that was refused, as it was sent, and, if at hand, the string that was signed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "method": "POST",
                "target": "/api/v1/ingest/events?dry_run=true",
                "authorization": 'CP1-HMAC-SHA256 app_key="ak-sandbox",timestamp="1764000000",'
                'nonce="593BEC0C930BF1AFEB40B4A08C8FB242",signature="EaIn/eOp/K64ZRvrqenzRIcKz2F+2QnCFXZty1YOQEg="',
                "body": "[]",
                "string_to_sign": "POST\n/api/v1/ingest/events\n1764000000\n593BEC0C930BF1AFEB40B4A08C8FB242\n[]\n",
            }
        },
    )

    method: str = Field(pattern=r"^[A-Za-z]{3,10}$")
    target: str = Field(
        pattern=r"^/[\x21-\x7e]*$", max_length=2048, description="路径与查询串 · path and query as sent"
    )
    authorization: str = Field(min_length=1, max_length=2048)
    body: str | None = Field(None, max_length=TEXT_CHARS_MAX)
    body_base64: str | None = Field(None, max_length=TEXT_CHARS_MAX, description="或原始字节 · or the raw bytes")
    string_to_sign: str | None = Field(None, max_length=TEXT_CHARS_MAX)

    @model_validator(mode="after")
    def _one_body(self) -> "FailingRequest":
        if self.body is not None and self.body_base64 is not None:
            raise InvalidValue(
                Text("body 与 body_base64 只能写一个，请去掉一个。", "Give body or body_base64, not both.")
            )
        return self


class FirstDifference(BaseModel):
    line: str = Field(examples=["target"])
    offset_bytes: int
    ours: str = Field(description="从不同处起 · from there on")
    yours: str

    @classmethod
    def of(cls, found: Difference) -> "FirstDifference":
        ours, yours = (side.decode(errors="replace") for side in (found.ours, found.yours))
        return cls(line=found.line, offset_bytes=found.offset, ours=ours, yours=yours)


class Cause(BaseModel):
    code: str = Field(examples=["TARGET_WITHOUT_QUERY"])
    message: str


class SignatureReport(BaseModel):
    app_key: str
    algorithm: str
    valid: bool = Field(description="该签名会被接受（不计重放） · it would be accepted, replay aside")
    string_to_sign: str = Field(description="我方按此串验签 · the string we check against")
    first_difference: FirstDifference | None
    causes: list[Cause]

    @classmethod
    def of(cls, found: Diagnosis, language: Language) -> "SignatureReport":
        return cls(
            app_key=found.app_key,
            algorithm=found.algorithm,
            valid=found.is_valid,
            string_to_sign=found.ours.decode(errors="replace"),
            first_difference=FirstDifference.of(found.difference) if found.difference else None,
            causes=[Cause(code=code, message=sentence_of(code, language)) for code in found.causes],
        )
