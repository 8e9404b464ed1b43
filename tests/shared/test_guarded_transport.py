"""The transport for partners' servers: public addresses only, whatever a name resolves to, and no redirect."""

from collections.abc import Sequence

import httpx
import pytest

from shared.guarded_transport import GuardedTransport
from shared.httpclient import new_client
from tests.ingest.receivers import answer, receiving

INSIDE = "127.0.0.1"


def client(*, allow_loopback: bool, resolved: Sequence[str] = (INSIDE,)) -> httpx.AsyncClient:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return resolved

    return new_client("", transport=GuardedTransport(allow_loopback=allow_loopback, resolve=resolve))


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/token",
        "https://127.0.0.1/token",
        "https://10.0.0.1/token",
        "https://[::1]/token",
        "https://2130706433/token",
        "https://localhost/token",
        "https://user@partner.example/token",
        "https://partner.example:22/token",
        "ftp://partner.example/token",
    ],
)
async def test_an_address_inside_is_never_connected_to(url: str) -> None:
    async with client(allow_loopback=False) as http:
        with pytest.raises(httpx.HTTPError):
            await http.post(url)


@pytest.mark.parametrize("resolved", [(INSIDE,), ("8.8.8.8", "169.254.169.254"), ("::ffff:10.0.0.1",), ()])
async def test_a_public_name_that_resolves_inside_is_refused_at_the_connection(resolved: Sequence[str]) -> None:
    async with client(allow_loopback=False, resolved=resolved) as http:
        with pytest.raises(httpx.TransportError, match="ForbiddenAddress"):
            await http.post("https://partner.example/token")


async def test_an_answer_of_this_machine_is_read_in_development_and_a_redirect_is_not_followed() -> None:
    async with receiving() as receiver, client(allow_loopback=True) as http:
        url = f"http://127.0.0.1:{receiver.port}/token"
        receiver.reply = lambda _: answer(200, "Content-Type: application/json", body=b'{"open_id": "a"}')
        found = await http.post(url, data={"code": "c"})
        assert (found.status_code, found.json()) == (200, {"open_id": "a"})
        assert receiver.received[0].body == b"code=c"
        receiver.reply = lambda _: answer(307, f"Location: {url}/elsewhere")
        assert (await http.post(url)).status_code == 307
        assert [one.target for one in receiver.received] == ["/token", "/token"]


async def test_a_server_that_closes_answers_nothing_or_speaks_another_language_is_an_error_of_httpx() -> None:
    async with receiving() as receiver, client(allow_loopback=True) as http:
        url = f"http://127.0.0.1:{receiver.port}/token"
        receiver.reply = lambda _: b"SSH-2.0-OpenSSH_9.6\r\n\r\n"
        with pytest.raises(httpx.HTTPError):
            await http.post(url)
        receiver.reply = lambda _: None
        with pytest.raises(httpx.TimeoutException):
            await http.post(url, timeout=0.2)
        receiver.reply = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
        with pytest.raises(httpx.HTTPError):
            await http.post(url, timeout=0.5)
    async with client(allow_loopback=True) as http:
        with pytest.raises(httpx.HTTPError):
            await http.post(url)
