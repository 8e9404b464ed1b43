"""The sealed names of households and family cards, for the command `keys seal`."""

from services.accounts.family_cards import resealing as cards
from services.accounts.households import resealing as households
from services.accounts.vault import Vault
from shared.rotation import Sealed


def sealed_names(vault: Vault) -> list[Sealed]:
    return [
        Sealed(
            "家庭名称 names of households",
            lambda session: households.count_names(session, vault),
            lambda session, after, at_most: households.reseal_names(session, vault, after, at_most),
        ),
        Sealed(
            "家庭昵称 nicknames",
            lambda session: households.count_nicknames(session, vault),
            lambda session, after, at_most: households.reseal_nicknames(session, vault, after, at_most),
        ),
        Sealed(
            "亲情卡备注 labels of family cards",
            lambda session: cards.count_labels(session, vault),
            lambda session, after, at_most: cards.reseal_labels(session, vault, after, at_most),
        ),
    ]
