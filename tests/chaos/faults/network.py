"""Faults of the network between services and PostgreSQL, and between services and the event log."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from tests.chaos.proxy import FaultMode, FaultProxy
from tests.chaos.run import Fault, FaultContext

SECONDS = {FaultMode.LATENCY: 8.0, FaultMode.SLICE: 8.0, FaultMode.BLACKHOLE: 30.0, FaultMode.RESET: 4.0}
HALF_OPENINGS = 2
LOCK_AGE_MAX_S = 30


def _proxy(context: FaultContext, side: str) -> FaultProxy:
    return context.stack.database_proxy if side == "database" else context.stack.log_proxy


def _play_mode(side: str, mode: FaultMode) -> Callable[[FaultContext], Awaitable[None]]:
    async def play(context: FaultContext) -> None:
        proxy = _proxy(context, side)
        context.add_facts(connections=proxy.connections)
        proxy.mode = mode
        try:
            await asyncio.sleep(SECONDS[mode])
        finally:
            proxy.mode = FaultMode.PASS
        await _find_old_transactions(context)

    return play


def _play_half_open(side: str) -> Callable[[FaultContext], Awaitable[None]]:
    async def play(context: FaultContext) -> None:
        links = 0
        for _ in range(HALF_OPENINGS):
            links += _proxy(context, side).half_open_all()
            await asyncio.sleep(1.0)
        context.add_facts(injected=links)
        await _find_old_transactions(context)

    return play


async def _find_old_transactions(context: FaultContext) -> None:
    """Report transactions older than LOCK_AGE_MAX_S. No client may keep one that long."""
    connection = await asyncpg.connect(context.stack.admin_dsn)
    try:
        old = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND clock_timestamp() - xact_start > make_interval(secs => $1)",
            LOCK_AGE_MAX_S,
        )
    finally:
        await connection.close()
    if old:
        context.add_facts(problems=[f"{old} transactions older than {LOCK_AGE_MAX_S} s"])


_WORDS = {
    FaultMode.LATENCY: ("延迟 500 毫秒", "500 ms late"),
    FaultMode.SLICE: ("逐字节传输", "sliced into single bytes"),
    FaultMode.BLACKHOLE: ("30 秒无声", "a black hole for 30 s"),
    FaultMode.RESET: ("连接被重置", "connections reset"),
}
_SIDES = {
    "database": ("服务与数据库之间", "services and PostgreSQL"),
    "log": ("服务与事件日志之间", "services and log"),
}
FAULTS = tuple(
    Fault(f"{side}-{mode.value}", f"{place[0]}{words[0]}", f"{place[1]}: {words[1]}", _play_mode(side, mode))
    for side, place in _SIDES.items()
    for mode, words in _WORDS.items()
) + tuple(
    Fault(f"{side}-half-open", f"{place[0]}半开连接", f"{place[1]}: half-open connections", _play_half_open(side))
    for side, place in _SIDES.items()
)
