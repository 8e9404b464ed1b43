"""HTTP model of `/internal/accounting/accounts/{account_id}`, and what a frozen account is told everywhere."""

import uuid
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel

from shared.language import Language, Text
from shared.sentences import FROZEN_NOTICE
from shared.wording import fill

FreezeReason = Literal["suspicious_acts", "partner_report", "security", "own_request", "other"]
FREEZE_REASONS: Final[dict[str, Text]] = {
    "suspicious_acts": Text("近期的减碳记录需要核实。", "Recent acts of the account are being verified."),
    "partner_report": Text(
        "合作方反映记录有误，正在核对。", "A partner reported faulty records, which are being compared."
    ),
    "security": Text("为保护账户安全，例如可能被他人使用。", "To protect the account: somebody else may be using it."),
    "own_request": Text("按您本人的要求。", "At your own request."),
    "other": Text("正在核实，结果会告诉您。", "It is being looked into. You will be told the result."),
}


class AccountState(BaseModel):
    """`frozen_since` is null unless the account is frozen. `frozen_reason` is null for freezes without a code."""

    account_id: uuid.UUID
    frozen_since: datetime | None
    frozen_reason: FreezeReason | None = None


def frozen_notice(contact: Text, language: Language) -> str:
    """Return the sentence for the owner of a frozen account. `contact`: whom the owner can ask."""
    return fill(FROZEN_NOTICE, language, {"contact": contact})
