import uuid
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.accounts.enterprise_documents.schemas import DocumentOut
from services.accounts.enterprises.schemas import EXAMPLE, EnterpriseOut
from services.accounts.enterprises.service import Contact

ReviewReason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=200, pattern=r"^[^\x00]+$"),
    Field(description="写入审计记录；驳回和暂停的原因申请人可见 Stored in the audit log", examples=["材料齐全"]),
]
LookReason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=4, max_length=200, pattern=r"^[^\x00]+$")
]


class ReviewIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "材料齐全，与公示信息一致"}]})

    reason: ReviewReason


class AppointmentIn(ReviewIn):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "account_no": "WH203947561028",
                    "document_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "reason": "原管理员已注销，单位来函指定新管理员",
                }
            ]
        }
    )

    account_no: str = Field(pattern=r"^[A-Z]{2}[0-9]{12}$", description="新管理员的个人碳账户号 A person's number")
    document_sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="单位来函的 SHA-256 Of the letter in which the enterprise asks for it"
    )


class EnterpriseCaseOut(EnterpriseOut):
    """企业与其申请材料。An enterprise with the documents of its application."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {**EXAMPLE, "documents": [DocumentOut.model_config["json_schema_extra"]["example"]]}  # type: ignore[index]
        }
    )

    documents: list[DocumentOut]


class ContactOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {"enterprise_id": EXAMPLE["enterprise_id"], "name": "张敏", "phone": "027-85550000"}
        }
    )

    enterprise_id: uuid.UUID
    name: str | None = Field(description="已删除为空 Null when it was deleted")
    phone: str | None

    @classmethod
    def of(cls, enterprise_id: uuid.UUID, contact: Contact | None) -> Self:
        if contact is None:
            return cls(enterprise_id=enterprise_id, name=None, phone=None)
        return cls(enterprise_id=enterprise_id, name=contact.name, phone=contact.phone)
