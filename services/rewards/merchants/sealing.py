"""How the secrets of merchants' keys are sealed: under a key derived from the one that seals voucher codes."""

from services.rewards.derivation import sealer_for
from shared.sealing import Sealer
from shared.sealing_keys import SealingKeys


def merchant_sealer(keys: SealingKeys) -> Sealer:
    return sealer_for(keys, b"merchant-key-secret")
