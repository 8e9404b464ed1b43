"""Webhook addresses cannot point into our network: not by IP, by name, by redirect, or by a name that changes."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.deliveries import webhook_client
from services.ingest.deliveries.addresses import ForbiddenAddress, check_url
from services.ingest.deliveries.domain import (
    ATTEMPTS_MAX,
    JITTER_PERCENT,
    PAYLOAD_BYTES_MAX,
    RETRY_S_MAX,
    Attempt,
    group_items,
    payload_of,
    retry_delay_s,
)
from services.ingest.deliveries.errors import AddressRefused
from services.ingest.deliveries.webhook_client import WebhookClient, WebhookMessage
from shared import clock
from shared.public_addresses import choose_address, is_public
from tests.ingest.receivers import Receiver, answer, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

INSIDE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "0.0.0.0",
    "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "168.63.129.16", "::1", "::", "fe80::1",
    "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "fec0::1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "100::1",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "114.114.114.114", "2400:3200::1", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("text", INSIDE)
def test_private_and_special_ip_addresses_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    with pytest.raises(ForbiddenAddress):
        choose_address(["8.8.8.8", text], allow_loopback=False)


@pytest.mark.parametrize("text", OUTSIDE)
def test_internet_addresses_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))
    assert choose_address([text], allow_loopback=False) == str(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "http://bike.example.cn/x", "ftp://bike.example.cn/x", "https://user:pw@bike.example.cn/x", "https:///x",
        "https://bike.example.cn/x#f", "https://bike.example.cn:22/", "https://bike.example.cn:99999/",
        "https://localhost/", "https://metadata/", "https://169.254.169.254/latest", "https://[::1]/", "https://127.1/",
        "https://2130706433/", "https://0x7f.1/", "https://bike.example.cn\\@10.0.0.1/", "https://bike .cn/",
        "https://碳.cn/", "https://[::ffff:10.0.0.1]/", "https://bike.example.cn/\r\nX: y", "https://[bad/",
        "https://bike.example.cn/" + "x" * 500,
    ],
)  # fmt: skip
def test_urls_that_could_point_inside_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, allow_loopback=False)


@pytest.mark.parametrize("url", ["https://bike.example.cn/h?x=1", "https://bike.example.cn:8443/", "https://8.8.8.8/"])
def test_public_https_urls_are_accepted(url: str) -> None:
    assert check_url(url, allow_loopback=False) == url


def test_the_development_setting_allows_this_machine_and_no_other() -> None:
    assert check_url("http://127.0.0.1:8080/x", allow_loopback=True)
    for url in ("http://10.0.0.1/", "http://bike.example.cn/"):
        with pytest.raises(AddressRefused):
            check_url(url, allow_loopback=True)
    assert choose_address(["127.0.0.1"], allow_loopback=True) == "127.0.0.1"
    with pytest.raises(ForbiddenAddress):
        choose_address(["10.0.0.1"], allow_loopback=True)


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS contexts (of the receiver, of the client) for a host of that name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    key_bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(key_bytes + made.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=made.public_bytes(Encoding.PEM).decode())


class Names:
    """A resolver with prepared answers. The last one is repeated."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def message(url: str) -> WebhookMessage:
    return WebhookMessage(delivery_id="0" * 32, url=url, payload=b'{"type":"t"}', secrets=[SECRET])


async def test_the_connection_goes_to_the_checked_ip_and_tls_verifies_the_name(tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path, "hook.partner.example")
    async with receiving(tls=theirs) as receiver:
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        url = f"https://hook.partner.example:{receiver.port}/in"
        async with WebhookClient(allow_loopback=True, ssl_context=ours, resolve=names) as client:
            attempt = await client.send(message(url), at=clock.now())
            assert (attempt.status_code, attempt.error, names.asked) == (204, None, 1)
            assert receiver.received[0].headers["host"] == f"hook.partner.example:{receiver.port}"
            receiver.received[0].content(SECRET)
        async with WebhookClient(allow_loopback=True, ssl_context=ours, resolve=names) as client:
            attempt = await client.send(message(url), at=clock.now())
            assert attempt.error == "address refused: 10.0.0.1 is not a public address"
        async with WebhookClient(allow_loopback=True, ssl_context=ours, resolve=Names(["127.0.0.1"])) as client:
            attempt = await client.send(message(url.replace("hook", "other")), at=clock.now())
            assert "certificate" in (attempt.error or "").lower()
        assert len(receiver.received) == 1


async def test_no_connection_is_made_to_a_public_name_with_a_private_ip() -> None:
    async with receiving() as receiver:
        async with WebhookClient(allow_loopback=False, resolve=Names(["127.0.0.1"])) as client:
            attempt = await client.send(message(f"https://hook.partner.example:{receiver.port}/"), at=clock.now())
        assert attempt.error == "address refused: 127.0.0.1 is not a public address"
        assert receiver.connections == 0


@pytest.fixture
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_client, "TOTAL_TIMEOUT_S", 0.3)


async def test_answers_of_receivers_are_bounded_in_time_and_size(short_timeout: None) -> None:
    async def send(receiver: Receiver) -> Attempt:
        async with WebhookClient(allow_loopback=True) as client:
            return await client.send(message(receiver.url), at=clock.now())

    async with receiving() as receiver:
        receiver.reply = lambda _: None
        silent = await send(receiver)
        assert (silent.status_code, silent.error) == (None, "no answer within 0 s")
        receiver.reply = lambda _: b"HTTP/1.1 200 X\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 100_000
        assert (await send(receiver)).status_code == 200
        receiver.reply = lambda _: b"\x00\x01 not http\r\n\r\n"
        assert "ProtocolError" in ((await send(receiver)).error or "")
        receiver.reply = lambda _: answer(429, "Retry-After: " + "9" * 30)
        assert (await send(receiver)).retry_after_s is None


@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=60))
def test_groups_of_items_keep_order_and_payload_size(items: list[bytes]) -> None:
    groups = list(group_items(items))
    assert [item for group in groups for item in group] == items
    assert all(groups)
    assert all(len(payload_of("t" * 40, "2026-11-24T00:00:00.000+00:00", g)) <= PAYLOAD_BYTES_MAX for g in groups)


def test_retries_end_after_about_three_days() -> None:
    for spread in (-JITTER_PERCENT, 0, JITTER_PERCENT):
        delays = [retry_delay_s(n, spread_percent=spread, retry_after_s=None) for n in range(1, ATTEMPTS_MAX)]
        assert delays == sorted(d for d in delays if d)
        assert 2.2 <= sum(d for d in delays if d) / 86_400 <= 3.5
    assert retry_delay_s(ATTEMPTS_MAX, spread_percent=0, retry_after_s=60) is None
    assert retry_delay_s(1, spread_percent=0, retry_after_s=10**9) == RETRY_S_MAX
