"""Faults of processes: killed, frozen, blocked, started and stopped all the time."""

import asyncio
import os
import signal
import time
from functools import partial
from pathlib import Path

from deploy.local.processes import send
from tests.chaos.checker import Checker
from tests.chaos.run import Fault, Scene
from tests.chaos.stack import APIS, WORKERS

LEASE_S = 10
# Past the lease, and past the 15 s after which the database ends a frozen worker's transaction and frees its locks.
FROZEN_S = 18.0
BLOCKED_S = 25.0
STORM_S = 20.0
STORM_EVERY_S = 2.0
ABSENT_S = 60.0
BROKER_KILLS = 5
WORKER_KILLS = 20
RELAYS = ("accounts-worker", "accounting-worker", "rewards-worker")
# Polls of a worker that were rolled back: fenced by another holder, or their session ended by the database meanwhile.
REFUSED = ("carbon_consumer_fenced_total", "carbon_consumer_failures_total")
START_S = 4.0  # until an extra worker has joined


async def _kill(scene: Scene, name: str) -> None:
    await scene.stack.wait_pid(name)
    scene.stack.signal(name, signal.SIGKILL)


async def apis(scene: Scene) -> None:
    names = [*APIS, "gateway"]
    scene.random.shuffle(names)
    for name in names:
        await _kill(scene, name)
        await asyncio.sleep(scene.random.uniform(0.2, 1.5))
    scene.say(injected=len(names))


async def workers(scene: Scene) -> None:
    names = list(WORKERS)
    scene.random.shuffle(names)
    for name in names:
        await _kill(scene, name)
        await asyncio.sleep(scene.random.uniform(0.2, 1.5))
    scene.say(injected=len(names))


async def one_worker(scene: Scene) -> None:
    await _kill(scene, "accounting-worker")


async def worker_kills(scene: Scene) -> None:
    """Half of them hit whoever posts, the rest whoever archives; a second worker of each waits to take over."""
    extras = [scene.stack.start_extra(service) for service in ("accounting", "ingest")]
    for number in range(WORKER_KILLS):
        await asyncio.sleep(scene.random.uniform(0.3, 2.5))
        await _kill(scene, ("accounting-worker", "ingest-worker")[number % 2])
    for extra in extras:
        await scene.stack.stop_extra(extra)
    scene.say(injected=WORKER_KILLS)


async def relays(scene: Scene) -> None:
    """The outbox relays live in the workers; bindings, outcomes and orders flow meanwhile."""
    rounds = 3
    for _ in range(rounds):
        for name in RELAYS:
            await _kill(scene, name)
            await asyncio.sleep(scene.random.uniform(0.3, 1.0))
    scene.say(injected=rounds * len(RELAYS))


async def backends(scene: Scene) -> None:
    """PostgreSQL ends every session and recovers when one of its processes is killed."""
    kills = 0
    for _ in range(3):
        found = scene.stack.backends()
        if found:
            send(scene.random.choice(found), signal.SIGKILL)
            kills += 1
        await asyncio.sleep(scene.random.uniform(1.5, 3.0))
    scene.say(injected=kills)


async def postmaster(scene: Scene) -> None:
    for number in range(2):
        await asyncio.sleep(4.0 * number)
        pid = scene.stack.server.pid()
        if pid is not None:
            send(pid, signal.SIGKILL)
    scene.say(injected=2)


async def broker_kills(scene: Scene) -> None:
    assert scene.stack.kafka is not None
    for _ in range(BROKER_KILLS):
        await asyncio.sleep(scene.random.uniform(0.5, 2.0))
        await asyncio.to_thread(scene.stack.kafka.kill)
        await asyncio.to_thread(scene.stack.kafka.start)
    scene.say(injected=BROKER_KILLS)


async def broker_absent(scene: Scene) -> None:
    assert scene.stack.kafka is not None
    history = scene.load.history
    await asyncio.to_thread(scene.stack.kafka.kill)
    await asyncio.sleep(1)
    accepted, unavailable = history.answers["202"], history.answers["503"]
    await asyncio.sleep(ABSENT_S - 1)
    scene.say(answered_503=history.answers["503"] - unavailable)
    if history.answers["202"] > accepted:
        # Orders may be answered 202, batches of events may not: without a broker there is nothing to accept them.
        scene.say(answered_202=history.answers["202"] - accepted)
    await asyncio.to_thread(scene.stack.kafka.start)


async def zombie(scene: Scene) -> None:
    """Frozen past their leases while others take over, then woken up with what they had in their hands."""
    stack = scene.stack
    extras = [stack.start_extra(service) for service in ("accounting", "ingest")]
    await asyncio.sleep(START_S)
    names = ("accounting-worker", "ingest-worker")
    pids = [await stack.wait_pid(name) for name in names]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    before = scene.load.history.accepted()
    frozen_at = time.monotonic()
    checker = Checker(stack.admin_dsn, scene.load.history)
    left = before
    while time.monotonic() - frozen_at < FROZEN_S:
        await asyncio.sleep(0.5)
        left = await checker.unposted(left)
    if left:
        scene.say(problems=[f"{len(left)} events waited {FROZEN_S:.0f} s for a frozen worker"])
    for pid in pids:
        send(pid, signal.SIGCONT)
    await asyncio.sleep(2)
    # A frozen process answers no question, so the counts before are those of a process that had no reason to count yet.
    refused = sum([await stack.counter(name, counter) for name in names for counter in REFUSED])
    for extra in extras:
        await stack.stop_extra(extra)
    scene.say(injected=len(names), polls_refused=int(refused))


async def storm(scene: Scene) -> None:
    started = 0
    until = time.monotonic() + STORM_S
    while time.monotonic() < until:
        extra = scene.stack.start_extra(scene.random.choice(("accounting", "ingest")))
        started += 1
        await asyncio.sleep(STORM_EVERY_S + scene.random.uniform(0, 1.5))
        if scene.random.random() < 0.5:
            await scene.stack.stop_extra(extra)
        else:
            extra.kill()
    scene.say(injected=started)


async def blocked(scene: Scene) -> None:
    extra = scene.stack.start_extra(
        "accounting", module="tests.chaos.blocked_worker", environment={"CHAOS_BLOCK_S": str(BLOCKED_S)}
    )
    await _until_it_listens(extra.pid, signal.SIGUSR1)
    await asyncio.sleep(START_S)
    extra.send_signal(signal.SIGUSR1)
    await asyncio.sleep(BLOCKED_S + 1)
    alive = extra.poll() is None
    await scene.stack.stop_extra(extra)
    scene.say(lived_on=alive)


async def _until_it_listens(pid: int, number: signal.Signals) -> None:
    """Until the process has a handler: before that the signal would end it."""
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
