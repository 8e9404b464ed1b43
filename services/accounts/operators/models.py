import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class OperatorAction(Base):
    """Audit record: which operator looked up which account, when and why. The service's role may only insert."""

    __tablename__ = "operator_action"
    __table_args__ = (Index(None, "account_no", "id"), Index(None, "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    operator: Mapped[str]
    action: Mapped[str]
    account_no: Mapped[str]
    account_id: Mapped[uuid.UUID | None]
    reason: Mapped[str | None]
    # What the person looked up is told: the kind of reason, and the role of the operator.
    reason_kind: Mapped[str | None]
    role: Mapped[str | None]
    request_id: Mapped[str]
