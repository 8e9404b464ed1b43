"""Pure rules: known answers and properties for all inputs."""

import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts.bindings import domain as bindings
from services.accounts.carbon_accounts import domain as numbers
from services.accounts.phones import domain as phones
from services.accounts.vault import Vault
from shared.sealing_keys import SealingKey, SealingKeys, decode_key

ACCOUNT_NUMBERS = st.integers(0, 10**numbers.RANDOM_DIGITS - 1).map(
    lambda number: numbers.compose_account_no("WH", number)
)


def test_the_check_digit_matches_published_luhn_examples() -> None:
    assert numbers.luhn_check_digit("7992739871") == "3"
    assert numbers.luhn_check_digit("411111111111111") == "1"
    assert numbers.compose_account_no("WH", 0) == "WH000000000000"


@given(ACCOUNT_NUMBERS)
def test_every_composed_account_number_is_valid(number: str) -> None:
    assert len(number) == 14
    assert numbers.is_account_no(number)


@given(ACCOUNT_NUMBERS, st.integers(2, 13), st.integers(1, 9))
def test_every_single_wrong_digit_is_detected(number: str, position: int, shift: int) -> None:
    digit = str((int(number[position]) + shift) % 10)
    assert not numbers.is_account_no(number[:position] + digit + number[position + 1 :])


@given(ACCOUNT_NUMBERS, st.integers(2, 12))
def test_every_swap_of_neighbours_is_detected_except_zero_and_nine(number: str, position: int) -> None:
    left, right = number[position], number[position + 1]
    swapped = number[:position] + right + left + number[position + 2 :]
    assert numbers.is_account_no(swapped) == (left == right or {left, right} == {"0", "9"})


@given(st.text(max_size=20))
def test_text_with_non_ascii_digits_is_no_account_number(text: str) -> None:
    assert not numbers.is_account_no(text + "١")  # an Arabic digit


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_masked_phone_shows_at_most_seven_digits(e164: str) -> None:
    masked = phones.mask_number(e164)
    assert "****" in masked
    assert sum(character.isdigit() for character in masked) <= 7
    assert masked.endswith(e164[-4:])


def test_a_masked_number_shows_seven_digits_if_chinese_and_four_if_foreign() -> None:
    assert phones.mask_number("+8613812345678") == "138****5678"
    assert phones.mask_number("+85291234567") == "****4567"


@given(
    st.integers(0, 366 * 86_400),
    st.lists(st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), max_size=3),
)
def test_the_earliest_start_is_the_latest_of_window_and_floors(window_s: int, floors: list[datetime | None]) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    earliest = bindings.earliest_start(now, late_window_s=window_s, not_before=floors)
    assert earliest >= now - timedelta(seconds=window_s)
    assert all(floor is None or earliest >= floor for floor in floors)
    assert earliest in {now - timedelta(seconds=window_s), *floors}


def test_the_phone_hash_matches_the_known_answer_of_the_readme() -> None:
    """Computed with another program. Partners check their code against it."""
    expected = "e959b959a8165ca3913e4cc0bf716d2621e210f2e39feb50a2988a7c0cbeec8a"
    assert bindings.hash_phone("pepper-of-a-partner", "+8613800138000") == expected


@pytest.mark.parametrize("text", [bytes(range(32)).hex(), base64.b64encode(bytes(range(32))).decode()])
def test_a_key_is_read_from_hex_and_base64(text: str) -> None:
    assert decode_key(text) == bytes(range(32))


@pytest.mark.parametrize("text", ["", "short", "zz" * 32, base64.b64encode(b"x" * 31).decode()])
def test_a_key_of_another_form_or_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode_key(text)


def test_a_phone_number_sealed_by_an_earlier_release_still_opens() -> None:
    vault = Vault(peppers=["any"], keys=SealingKeys(SealingKey(1, bytes(range(32)))))
    sealed = bytes.fromhex("013485bbe1d1ee3c50af6e46d6fe919d8ef64a6186d0fe503aa5015b73a7067c10d9f3f1d051cad0")
    assert vault.unseal("phone", uuid.UUID("01999e5e-0000-7000-8000-000000000001"), sealed) == "13800000000"
