"""The partner signature: the published example, and headers that the parser must refuse."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.auth import cp1
from shared.auth.signers import HmacVerifier

TARGET = "/api/v1/partner/events:batch?dry_run=false"
TIMESTAMP = 1700000000
NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"
BODY = b'[{"specversion":"1.0","id":"1"}]'
SECRET = "cpsk_test_0123456789abcdef"
SIGNATURE = "EaIn/eOp/K64ZRvrqenzRIcKz2F+2QnCFXZty1YOQEg="


def message() -> bytes:
    return cp1.string_to_sign(method="POST", target=TARGET, timestamp=TIMESTAMP, nonce=NONCE, body=BODY)


def test_the_hmac_signature_equals_the_published_one() -> None:
    expected = f"POST\n{TARGET}\n{TIMESTAMP}\n{NONCE}\n".encode() + BODY + b"\n"
    assert message() == expected
    assert base64.b64encode(cp1.hmac_sha256(SECRET.encode(), message())).decode() == SIGNATURE
    assert HmacVerifier(SECRET.encode()).verify(message(), base64.b64decode(SIGNATURE))


def test_the_authorization_header_holds_the_signature_and_parses_back() -> None:
    header = cp1.authorization(
        app_key="ak", secret=SECRET, method="POST", target=TARGET, timestamp=TIMESTAMP, nonce=NONCE, body=BODY
    )
    assert header == (f'CP1-HMAC-SHA256 app_key="ak",timestamp="{TIMESTAMP}",nonce="{NONCE}",signature="{SIGNATURE}"')
    assert cp1.parse_authorization(header) == cp1.Credential(
        "CP1-HMAC-SHA256", "ak", TIMESTAMP, NONCE, base64.b64decode(SIGNATURE)
    )


def test_the_parameters_of_a_cp1_header_may_be_in_any_order() -> None:
    header = f'CP1-HMAC-SHA256 signature="{SIGNATURE}", nonce="{NONCE}", timestamp="{TIMESTAMP}", app_key="ak"'
    credential = cp1.parse_authorization(header)
    assert credential is not None
    assert credential.app_key == "ak"


@pytest.mark.parametrize(
    "header",
    [
        f'cp1-hmac-sha256 app_key="Ak",timestamp="{TIMESTAMP}",nonce="{NONCE}",signature="{SIGNATURE}"',
        f'Cp1-Hmac-Sha256  App_Key="Ak", TIMESTAMP="{TIMESTAMP}", Nonce = "{NONCE}", Signature="{SIGNATURE}"',
    ],
)
def test_c16_the_scheme_and_its_parameters_may_be_in_any_case(header: str) -> None:
    assert cp1.parse_authorization(header) == cp1.Credential(
        "CP1-HMAC-SHA256", "Ak", TIMESTAMP, NONCE, base64.b64decode(SIGNATURE)
    )


def test_c16_a_parameter_twice_in_different_case_is_refused() -> None:
    header = f'cp1-hmac-sha256 app_key="a",APP_KEY="b",timestamp="1",nonce="{NONCE}",signature="{SIGNATURE}"'
    assert cp1.parse_authorization(header) is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer abc",
        "CP1-HMAC-SHA256",
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="1",nonce="{NONCE}"',
        f'CP1-HMAC-SHA256 app_key="a",app_key="b",timestamp="1",nonce="{NONCE}",signature="{SIGNATURE}"',
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="1",nonce="{NONCE}",signature="{SIGNATURE}",x="1"',
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="-1",nonce="{NONCE}",signature="{SIGNATURE}"',
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="1e3",nonce="{NONCE}",signature="{SIGNATURE}"',
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="\u0661\u0662",nonce="{NONCE}",signature="{SIGNATURE}"',
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="1234567890123",nonce="{NONCE}",signature="{SIGNATURE}"',
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="1",nonce="short",signature="{SIGNATURE}"',
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="1",nonce="{"n" * 65}",signature="{SIGNATURE}"',
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="1",nonce="{"n" * 15} ",signature="{SIGNATURE}"',
        f'CP1-HMAC-SHA256 app_key="ak",timestamp="1",nonce="{NONCE}",signature="not base64"',
        f'CP1-HMAC-SHA256 app_key="{"k" * 3000}",timestamp="1",nonce="{NONCE}",signature="{SIGNATURE}"',
    ],
)
def test_a_malformed_cp1_header_has_no_credential(header: str) -> None:
    assert cp1.parse_authorization(header) is None


@given(position=st.integers(0, len(message()) - 1), bit=st.integers(0, 7))
def test_a_message_with_one_changed_bit_has_another_signature(position: int, bit: int) -> None:
    changed = bytearray(message())
    changed[position] ^= 1 << bit
    assert not HmacVerifier(SECRET.encode()).verify(bytes(changed), base64.b64decode(SIGNATURE))


@given(st.text(max_size=200))
def test_no_header_text_crashes_the_parser(text: str) -> None:
    cp1.parse_authorization("CP1-" + text)


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ({"raw_path": b"/a%2Fb", "path": "/a/b", "query_string": b""}, "/a%2Fb"),
        ({"raw_path": b"/a", "path": "/a", "query_string": b"x=%2F&y"}, "/a?x=%2F&y"),
        ({"raw_path": b"/\xff", "path": "/?", "query_string": b""}, "/\u00ff"),
        ({"path": "/a", "query_string": b""}, "/a"),
    ],
)
def test_the_signed_target_is_path_and_query_as_sent(scope: dict[str, object], target: str) -> None:
    assert cp1.target_of(scope) == target
