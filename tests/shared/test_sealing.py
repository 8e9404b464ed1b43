"""Sealing of secrets. The vectors were made by the former classes of the three services."""

import pytest

from shared.sealing import SealBroken, Sealer

KEY = bytes(range(32))
ID = bytes.fromhex("01999e5e000070008000000000000001")
VERSION = b"\x01"
PHONE = bytes.fromhex("013485bbe1d1ee3c50af6e46d6fe919d8ef64a6186d0fe503aa5015b73a7067c10d9f3f1d051cad0")
PHONE_PLACE = "phone:01999e5e-0000-7000-8000-000000000001"
SECRET = bytes.fromhex("31b8c9937718138670546d287c8dd9200868d76e877cfbb71a088b33f21c03ad17d282348e6064fe24")
# Sealed under a key that the vouchers derive from KEY by HKDF with the purpose "voucher-code-sealing".
VOUCHER = bytes.fromhex(
    "01d0dbf9adeac625333b5686f97fa39a389310876315c556c27d6834dbe3748069732cc9435439e231344223b66c5b52"
)
VOUCHER_KEY = bytes.fromhex("07ed3c3d527205febf7c45821616d45b8c93afa5e02e0551ad24451877bc150c")


@pytest.mark.parametrize(
    ("sealer", "sealed", "place", "secret"),
    [
        (Sealer(KEY, version=VERSION), PHONE, PHONE_PLACE, "13800000000"),
        (Sealer(KEY), SECRET, "partner:t3", "wh-secret-密"),
        (Sealer(VOUCHER_KEY, version=VERSION), VOUCHER, VERSION + ID, "ABCD-EFGH-JKMN-PQRS"),
    ],
)
def test_bytes_of_the_former_classes_open(sealer: Sealer, sealed: bytes, place: str | bytes, secret: str) -> None:
    assert sealer.open(sealed, place) == secret
    assert sealer.open(sealer.seal(secret, place), place) == secret


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    sealer = Sealer(KEY)
    assert sealer.seal("秘密", "here") != sealer.seal("秘密", "here")


@pytest.mark.parametrize(
    ("opener", "sealed", "place"),
    [
        (Sealer(bytes(32), version=VERSION), PHONE, PHONE_PLACE),
        (Sealer(KEY, version=b"\x02"), PHONE, PHONE_PLACE),
        (Sealer(KEY), PHONE, PHONE_PLACE),
        (Sealer(KEY, version=VERSION), PHONE, "openid:01999e5e-0000-7000-8000-000000000001"),
        (Sealer(KEY, version=VERSION), PHONE[:-1] + b"\x00", PHONE_PLACE),
        (Sealer(KEY, version=VERSION), VERSION, PHONE_PLACE),
        (Sealer(KEY, version=VERSION), b"", PHONE_PLACE),
    ],
)
def test_another_key_version_place_or_changed_bytes_do_not_open(opener: Sealer, sealed: bytes, place: str) -> None:
    with pytest.raises(SealBroken):
        opener.open(sealed, place)
