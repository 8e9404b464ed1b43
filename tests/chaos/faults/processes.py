"""Faults of processes: kills, freezes, a blocked loop, constant starts and stops."""

import asyncio
import os
import signal
import time
from functools import partial
from pathlib import Path

from deploy.local.processes import send_signal
from tests.chaos.checker import Checker
from tests.chaos.run import Fault, FaultContext
from tests.chaos.stack import APIS, WORKERS

LEASE_S = 10
# Longer than the lease, and than the 15 s after which PostgreSQL ends a frozen worker's transaction.
FROZEN_S = 18.0
BLOCKED_S = 25.0
STORM_S = 20.0
STORM_EVERY_S = 2.0
ABSENT_S = 60.0
BROKER_KILLS = 5
WORKER_KILLS = 20
RELAYS = ("accounts-worker", "accounting-worker", "rewards-worker")
# Rolled-back polls of a worker: fenced by another holder, or their session was ended by the database.
REFUSED_POLL_COUNTERS = ("carbon_consumer_fenced_total", "carbon_consumer_failures_total")
START_S = 4.0  # until an extra worker holds partitions


async def _kill(context: FaultContext, name: str) -> None:
    await context.stack.wait_pid(name)
    context.stack.signal(name, signal.SIGKILL)


async def apis(context: FaultContext) -> None:
    names = [*APIS, "gateway"]
    context.random.shuffle(names)
    for name in names:
        await _kill(context, name)
        await asyncio.sleep(context.random.uniform(0.2, 1.5))
    context.add_facts(injected=len(names))


async def workers(context: FaultContext) -> None:
    names = list(WORKERS)
    context.random.shuffle(names)
    for name in names:
        await _kill(context, name)
        await asyncio.sleep(context.random.uniform(0.2, 1.5))
    context.add_facts(injected=len(names))


async def one_worker(context: FaultContext) -> None:
    await _kill(context, "accounting-worker")


async def worker_kills(context: FaultContext) -> None:
    """Kill the accounting and the ingest worker in turn. A second worker of each takes over."""
    extras = [context.stack.start_extra_worker(service) for service in ("accounting", "ingest")]
    for number in range(WORKER_KILLS):
        await asyncio.sleep(context.random.uniform(0.3, 2.5))
        await _kill(context, ("accounting-worker", "ingest-worker")[number % 2])
    for extra in extras:
        await context.stack.stop_extra_worker(extra)
    context.add_facts(injected=WORKER_KILLS)


async def relays(context: FaultContext) -> None:
    """Kill the workers, which contain the outbox relays, while bindings, outcomes and orders flow."""
    rounds = 3
    for _ in range(rounds):
        for name in RELAYS:
            await _kill(context, name)
            await asyncio.sleep(context.random.uniform(0.3, 1.0))
    context.add_facts(injected=rounds * len(RELAYS))


async def backends(context: FaultContext) -> None:
    """Kill single backends. PostgreSQL then ends every session and recovers."""
    kills = 0
    for _ in range(3):
        found = context.stack.backends()
        if found:
            send_signal(context.random.choice(found), signal.SIGKILL)
            kills += 1
        await asyncio.sleep(context.random.uniform(1.5, 3.0))
    context.add_facts(injected=kills)


async def postmaster(context: FaultContext) -> None:
    for number in range(2):
        await asyncio.sleep(4.0 * number)
        pid = context.stack.server.pid()
        if pid is not None:
            send_signal(pid, signal.SIGKILL)
    context.add_facts(injected=2)


async def broker_kills(context: FaultContext) -> None:
    assert context.stack.kafka is not None
    for _ in range(BROKER_KILLS):
        await asyncio.sleep(context.random.uniform(0.5, 2.0))
        await asyncio.to_thread(context.stack.kafka.kill)
        await asyncio.to_thread(context.stack.kafka.start)
    context.add_facts(injected=BROKER_KILLS)


async def broker_absent(context: FaultContext) -> None:
    assert context.stack.kafka is not None
    history = context.load.history
    await asyncio.to_thread(context.stack.kafka.kill)
    await asyncio.sleep(1)
    accepted, unavailable = history.answers["202"], history.answers["503"]
    await asyncio.sleep(ABSENT_S - 1)
    context.add_facts(answered_503=history.answers["503"] - unavailable)
    if history.answers["202"] > accepted:
        # Orders may be answered 202. Batches of events may not: no broker can acknowledge them.
        context.add_facts(answered_202=history.answers["202"] - accepted)
    await asyncio.to_thread(context.stack.kafka.start)


async def zombie(context: FaultContext) -> None:
    """Freeze workers past their leases while others take over, then wake them with their old polls."""
    stack = context.stack
    extras = [stack.start_extra_worker(service) for service in ("accounting", "ingest")]
    await asyncio.sleep(START_S)
    names = ("accounting-worker", "ingest-worker")
    pids = [await stack.wait_pid(name) for name in names]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    before = context.load.history.accepted()
    frozen_at = time.monotonic()
    checker = Checker(stack.admin_dsn, context.load.history)
    left = before
    while time.monotonic() - frozen_at < FROZEN_S:
        await asyncio.sleep(0.5)
        left = await checker.find_unposted(left)
    if left:
        context.add_facts(problems=[f"{len(left)} events waited {FROZEN_S:.0f} s for a frozen worker"])
    for pid in pids:
        send_signal(pid, signal.SIGCONT)
    await asyncio.sleep(2)
    # A frozen process does not answer, so these totals are read only now. They were 0 before the freeze.
    refused = sum([await stack.counter(name, counter) for name in names for counter in REFUSED_POLL_COUNTERS])
    for extra in extras:
        await stack.stop_extra_worker(extra)
    context.add_facts(injected=len(names), polls_refused=int(refused))


async def storm(context: FaultContext) -> None:
    started = 0
    until = time.monotonic() + STORM_S
    while time.monotonic() < until:
        extra = context.stack.start_extra_worker(context.random.choice(("accounting", "ingest")))
        started += 1
        await asyncio.sleep(STORM_EVERY_S + context.random.uniform(0, 1.5))
        if context.random.random() < 0.5:
            await context.stack.stop_extra_worker(extra)
        else:
            extra.kill()
    context.add_facts(injected=started)


async def blocked(context: FaultContext) -> None:
    extra = context.stack.start_extra_worker(
        "accounting", module="tests.chaos.blocked_worker", environment={"CHAOS_BLOCK_S": str(BLOCKED_S)}
    )
    await _wait_for_handler(extra.pid, signal.SIGUSR1)
    await asyncio.sleep(START_S)
    extra.send_signal(signal.SIGUSR1)
    await asyncio.sleep(BLOCKED_S + 1)
    alive = extra.poll() is None
    await context.stack.stop_extra_worker(extra)
    context.add_facts(lived_on=alive)


async def _wait_for_handler(pid: int, number: signal.Signals) -> None:
    """Wait until the process has a handler. Before that, the signal would end it."""
    for _ in range(300):
        caught = Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0]
        if int(caught, 16) & 1 << (number - 1):
            return
        await asyncio.sleep(0.1)


_ON_KAFKA = partial(Fault, logs=("kafka",))
FAULTS = (
    Fault("apis", "四个服务与网关被杀", "SIGKILL of each API and the gateway", apis),
    Fault("workers", "四个后台进程被杀", "SIGKILL of each worker", workers),
    Fault("worker", "记账进程被杀", "SIGKILL of the accounting worker", one_worker),
    Fault("worker-kills", "后台进程在 20 个随机时刻被杀", "workers killed at 20 random instants", worker_kills),
    Fault("relays", "发件箱转发被反复杀死", "outbox relays killed again and again", relays),
    Fault("backends", "数据库会话进程被杀", "SIGKILL of PostgreSQL backends", backends),
    Fault("postmaster", "数据库主进程被杀", "SIGKILL of the postmaster", postmaster),
    _ON_KAFKA("broker-kills", "Kafka 被杀五次", "SIGKILL of the broker, five times", broker_kills),
    _ON_KAFKA("broker-absent", "Kafka 离线 60 秒", "the broker away for 60 s", broker_absent),
    Fault("zombie", "进程冻结超过租约后醒来", "workers frozen past their leases, then woken", zombie),
    Fault("storm", "进程每几秒启停", "workers started and stopped every few seconds", storm),
    Fault("blocked-loop", "事件循环被阻塞 25 秒", "a worker's event loop blocked for 25 s", blocked),
)
