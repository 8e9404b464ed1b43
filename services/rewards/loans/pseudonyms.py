"""What a bank calls a citizen: a name that no other bank knows and that leads back to nobody.

HMAC-SHA256 of the carbon account and the bank, under a key derived from the key of the vouchers. The citizen's client
gives it to the bank; the bank's quote names it. After a change of the key, quotes under the former one still hold.
"""

import base64
import hmac
import uuid

from shared.sealing_keys import SealingKeys

_CONTEXT = b"loan-customer-v1"


class Pseudonyms:
    def __init__(self, keys: SealingKeys) -> None:
        self._keys = [hmac.digest(one.key, _CONTEXT, "sha256") for one in (keys.current, *keys.former)]

    def current(self, bank_id: str, account_id: uuid.UUID) -> str:
        return self.all_of(bank_id, account_id)[0]

    def all_of(self, bank_id: str, account_id: uuid.UUID) -> list[str]:
        """Return the present name and the former ones."""
        message = bank_id.encode() + b"\0" + account_id.bytes
        return [
            base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")).decode().rstrip("=") for key in self._keys
        ]
