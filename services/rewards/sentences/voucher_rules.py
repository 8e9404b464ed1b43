"""The published rule of vouchers. A change is a new version with its day."""

from typing import Final

from shared.language import Text

VERSION: Final = "2026-11"
IN_FORCE_FROM: Final = "2026-11-27"
RULE: Final = Text(
    "券在有效期内未使用的，可随时退回，减碳量全额退还（商家自有券码看过后除外）。到期前三天提醒一次。过期的券不能再用，减碳量不退。",
    (
        "An unused voucher can be given back at any time before its end, and all grams come back. A partner's own code"
        " that was shown is the exception. We remind you once, three days before the end. After the end a voucher is"
        " void and its grams stay spent."
    ),
)
