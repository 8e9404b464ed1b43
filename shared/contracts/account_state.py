"""HTTP model of `/internal/accounting/accounts/{account_id}`, and what a frozen account is told everywhere."""

import uuid
from datetime import datetime

from pydantic import BaseModel

from shared.language import Language, Text
from shared.sentences import FROZEN_NOTICE
from shared.wording import fill


class AccountState(BaseModel):
    """`frozen_since` is null unless the account is frozen."""

    account_id: uuid.UUID
    frozen_since: datetime | None


def frozen_notice(contact: Text, language: Language) -> str:
    """Return the sentence for the owner of a frozen account. `contact`: whom the owner can ask."""
    return fill(FROZEN_NOTICE, language, {"contact": contact})
