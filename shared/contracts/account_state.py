"""HTTP model of `/internal/accounting/accounts/{account_id}`, and what a frozen account is told everywhere."""

import uuid
from datetime import datetime

from pydantic import BaseModel

from shared.language import Language, Text

_FROZEN = Text(
    "您的碳账户已冻结：冻结期间不能兑换和捐赠，新的减碳量照常累计。如有疑问，请联系{contact}。",
    "Your carbon account is frozen: it cannot redeem or donate until it is released. New grams still arrive."
    " Ask {contact}.",
)


class AccountState(BaseModel):
    """`frozen_since` is null unless the account is frozen."""

    account_id: uuid.UUID
    frozen_since: datetime | None


def frozen_notice(contact: Text, language: Language) -> str:
    """Return the sentence for the owner of a frozen account. `contact`: whom the owner can ask."""
    return _FROZEN.pick(language).format(contact=contact.pick(language))
