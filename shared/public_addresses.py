"""Guards against addresses of partners that point into our own network (SSRF): webhooks, OAuth servers.

The URL is checked as text when it is registered and before every call. The resolved IP is checked at the moment of
connecting, and the connection goes to that very IP, so that a name that resolves differently later has no effect.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore

from shared.language import Text

URL_CHARS_MAX = 500
_HTTPS_PORT = 443
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
RESOLVE_TIMEOUT_S = 5.0
# Some versions of Python call these public, but they answer inside clouds: Azure's agent, Oracle's metadata.
_INSIDE_CLOUDS = (ipaddress.ip_network("168.63.129.16/32"), ipaddress.ip_network("192.0.0.0/24"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class UnsafeUrl(ValueError):
    """A URL that must not be called, with the reason for people."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.why = Text(zh, en)


class ForbiddenAddress(OSError):
    """A host resolves to an address that is not public."""


def is_public(address: Address) -> bool:
    """Whether the address is on the public internet. An IPv4 address wrapped in IPv6 is unwrapped first."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _wrapped(address)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address in _NAT64_LOCAL or address.is_site_local:
            return False
    if address.is_multicast or address.is_reserved or any(address in network for network in _INSIDE_CLOUDS):
        return False
    return address.is_global


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def check_url(url: str, *, allow_loopback: bool) -> str:
    """Return the URL if it may be called. Raises UnsafeUrl.

    `allow_loopback` is for development. It allows `http` and `https` to this machine beside public `https`.
    """
    if len(url) > URL_CHARS_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UnsafeUrl(f"最多 {URL_CHARS_MAX} 个可见 ASCII 字符", f"at most {URL_CHARS_MAX} visible ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise UnsafeUrl("地址读不出来", "it is unreadable") from exc
    if parts.username is not None or parts.password is not None or "#" in url or not parts.hostname:
        raise UnsafeUrl("主机名、用户信息或片段有误", "its host, credentials or fragment")
    if allow_loopback and parts.scheme in {"http", "https"} and parts.hostname in _LOOPBACK_NAMES:
        return url
    _require_public(parts, port)
    return url


def _require_public(parts: SplitResult, port: int | None) -> None:
    if parts.scheme != "https":
        raise UnsafeUrl("须为 https", "it must be https")
    # Ports below 1024 belong to other protocols. A partner's own web server may use a higher one.
    if port is not None and port != _HTTPS_PORT and port < 1024:
        raise UnsafeUrl("端口须为 443 或 1024 以上", "its port must be 443 or above 1023")
    host = parts.hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Some resolvers read "2130706433" and "0x7f.1" as 127.0.0.1. A public host name ends in a dot and letters.
        last = host.rstrip(".").rpartition(".")
        if not last[0] or not last[2][:1].isalpha():
            raise UnsafeUrl("主机名须为公网域名", "it needs a public host name") from None
    else:
        if not is_public(address):
            raise UnsafeUrl("不是公网地址", "it is not a public address")


def choose_address(resolved: Iterable[str], *, allow_loopback: bool) -> str:
    """The address to connect to. Raises ForbiddenAddress if any of them is not public: a mixed answer is an attack."""
    found = [ipaddress.ip_address(text.partition("%")[0]) for text in resolved]
    for address in found:
        if not (is_public(address) or (allow_loopback and address.is_loopback)):
            raise ForbiddenAddress(f"{address} is not a public address")
    if not found:
        raise ForbiddenAddress("the name has no address")
    return str(found[0])


async def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a name. Raises OSError."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(sockaddr[0]) for *_, sockaddr in answers]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore: resolves the name once, checks the addresses, and connects to the checked one.

    httpcore does TLS and verifies the certificate against the name in the URL.
    """

    def __init__(self, *, allow_loopback: bool, resolve: Resolve = resolve) -> None:
        self._allow_loopback, self._resolve = allow_loopback, resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises ForbiddenAddress, httpcore.ConnectError, httpcore.ConnectTimeout."""
        try:
            async with asyncio.timeout(RESOLVE_TIMEOUT_S):
                resolved = await self._resolve(host, port)
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from exc
        except OSError as exc:
            raise httpcore.ConnectError(f"the name is not known: {exc}") from exc
        address = choose_address(resolved, allow_loopback=self._allow_loopback)
        return await self._inner.connect_tcp(
            address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        del path, timeout, socket_options
        raise ForbiddenAddress("no sockets of this machine")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
