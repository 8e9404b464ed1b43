"""The fault proxy: forwarding, and the effect of each mode on both ends."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.chaos.proxy import LATENCY_S, FaultMode, FaultProxy

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy in front of an echo server."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1024):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = FaultProxy(server.sockets[0].getsockname()[1])
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()


async def connect(proxy: FaultProxy) -> Ends:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def echoed(ends: Ends, words: bytes, timeout_s: float = 3.0) -> bytes:
    reader, writer = ends
    writer.write(words)
    async with asyncio.timeout(timeout_s):
        return await reader.readexactly(len(words))


@pytest.mark.parametrize("mode", [FaultMode.PASS, FaultMode.SLICE])
async def test_proxy_delivers_every_byte_in_order(proxy: FaultProxy, mode: FaultMode) -> None:
    proxy.mode = mode
    ends = await connect(proxy)
    words = bytes(range(256)) * 20
    assert await echoed(ends, words) == words
    ends[1].close()


async def test_latency_mode_delays_both_directions(proxy: FaultProxy) -> None:
    proxy.mode = FaultMode.LATENCY
    ends = await connect(proxy)
    started = time.monotonic()
    assert await echoed(ends, b"hello") == b"hello"
    assert time.monotonic() - started >= 2 * LATENCY_S
    ends[1].close()


async def test_blackhole_mode_delivers_held_bytes_afterwards(proxy: FaultProxy) -> None:
    ends = await connect(proxy)
    assert await echoed(ends, b"one") == b"one"
    proxy.mode = FaultMode.BLACKHOLE
    with pytest.raises(TimeoutError):
        await echoed(ends, b"two", timeout_s=0.2)
    proxy.mode = FaultMode.PASS
    async with asyncio.timeout(3):
        assert await ends[0].readexactly(3) == b"two"
    ends[1].close()


async def test_reset_mode_ends_old_and_new_connections(proxy: FaultProxy) -> None:
    ends = await connect(proxy)
    assert await echoed(ends, b"one") == b"one"
    proxy.mode = FaultMode.RESET
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await echoed(ends, b"two")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await echoed(await connect(proxy), b"three")


async def test_half_open_connection_stays_silent_while_new_ones_work(proxy: FaultProxy) -> None:
    ends = await connect(proxy)
    assert await echoed(ends, b"one") == b"one"
    assert proxy.half_open_all() == 1
    with pytest.raises(TimeoutError):
        await echoed(ends, b"two", timeout_s=0.3)
    ends[1].write(b"three")
    await ends[1].drain()
    assert not ends[0].at_eof()
    later = await connect(proxy)
    assert await echoed(later, b"new") == b"new"
    for _, writer in (ends, later):
        writer.close()
