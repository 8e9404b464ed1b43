"""Rules without I/O: certificates, steps of a settlement, sale windows, codes."""

import doctest
import uuid
from datetime import UTC, date, datetime, timedelta
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewards.campaigns.domain import Terms
from services.rewards.catalogue.domain import Offer
from services.rewards.certificates import domain as certificates
from services.rewards.certificates.domain import LENGTH, RANDOM_BELOW, certificate_no, is_well_formed
from services.rewards.settlement.domain import HoldAnswer, Status, Step, next_step
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared import amounts

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
numbers = st.builds(certificate_no, st.dates(date(2024, 1, 1), date(2099, 1, 1)), st.integers(0, RANDOM_BELOW - 1))


@pytest.mark.parametrize("module", [amounts, certificates])
def test_examples_in_docstrings(module: ModuleType) -> None:
    outcome = doctest.testmod(module)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)


@given(numbers, st.integers(0, LENGTH - 1), st.integers(1, 9))
def test_the_check_digit_finds_every_wrong_digit(number: str, place: int, shift: int) -> None:
    assert is_well_formed(number)
    wrong = str((int(number[place]) + shift) % 10)
    assert not is_well_formed(number[:place] + wrong + number[place + 1 :])


@given(numbers, st.integers(0, LENGTH - 2))
def test_the_check_digit_finds_every_swap_of_neighbours(number: str, place: int) -> None:
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert is_well_formed(swapped) is (swapped == number)


@given(st.text(max_size=25))
def test_the_check_of_a_number_accepts_any_text(text: str) -> None:
    assert isinstance(is_well_formed(text), bool)


def test_a_settlement_ends_only_as_its_hold_ended() -> None:
    for status in (Status.PENDING, Status.CANCELLING):
        assert [heard for heard in HoldAnswer if next_step(status, heard) is Step.CONFIRM] == [HoldAnswer.CAPTURED]
        given_back = [HoldAnswer.REFUNDED, HoldAnswer.GIVEN_BACK]
        assert [heard for heard in HoldAnswer if next_step(status, heard) is Step.CANCEL] == given_back
    returned = [heard for heard in HoldAnswer if next_step(Status.RETURNING, heard) is Step.CANCEL]
    assert returned == [HoldAnswer.REFUNDED]
    assert {next_step(Status.RETURNING, heard) for heard in HoldAnswer} == {Step.CANCEL, Step.TRY_LATER}
    assert next_step(Status.PENDING, HoldAnswer.REFUSED) is Step.CALL_OFF
    assert next_step(Status.CANCELLING, HoldAnswer.REFUSED) is Step.TRY_LATER


@pytest.mark.parametrize(
    ("offer", "is_open"),
    [
        (Offer(on_sale=True, starts_at=None, ends_at=None), True),
        (Offer(on_sale=False, starts_at=None, ends_at=None), False),
        (Offer(on_sale=True, starts_at=NOON, ends_at=None), True),
        (Offer(on_sale=True, starts_at=NOON + timedelta(seconds=1), ends_at=None), False),
        (Offer(on_sale=True, starts_at=None, ends_at=NOON), False),
        (Offer(on_sale=True, starts_at=None, ends_at=NOON + timedelta(seconds=1)), True),
    ],
)
def test_an_item_is_open_in_its_sale_window_only(offer: Offer, is_open: bool) -> None:
    assert offer.open_at(NOON) is is_open


def test_a_campaign_has_an_exclusive_end_and_inclusive_amounts() -> None:
    terms = Terms(NOON, NOON + timedelta(days=1), min_mg=10, max_mg=20)
    assert [terms.open_at(NOON + timedelta(hours=h)) for h in (-1, 0, 23, 24)] == [False, True, True, False]
    assert [terms.accepts(amount_mg) for amount_mg in (9, 10, 20, 21)] == [False, True, True, False]


def test_new_codes_are_long_and_unique() -> None:
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert {len(code) for code in codes} == {19}
    assert not set("".join(codes)) & set("01ILOU")


def test_the_fingerprint_of_a_code_depends_on_the_key() -> None:
    one, other = CodeSealer(bytes(32)), CodeSealer(bytes([1]) * 32)
    assert one.fingerprint("x") == one.fingerprint("x") != other.fingerprint("x")


def test_a_code_sealed_by_an_earlier_release_opens_and_is_recognised() -> None:
    sealer = CodeSealer(bytes(range(32)))
    sealed = bytes.fromhex(
        "01d0dbf9adeac625333b5686f97fa39a389310876315c556c27d6834dbe3748069732cc9435439e231344223b66c5b52"
    )
    code, voucher_id = "ABCD-EFGH-JKMN-PQRS", uuid.UUID("01999e5e-0000-7000-8000-000000000001")
    assert sealer.open(sealed, voucher_id=voucher_id) == code
    assert sealer.fingerprint(code).hex() == "1854a30dbb6a592023dc434a8c626bc814cf497c04a101ca3d35559aea931515"
