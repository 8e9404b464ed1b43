"""Processor time of an order, over accounts, accounting, rewards and PostgreSQL: this checkout beside an older one.

`BEFORE=<commit or directory>` names the older one; without it only this checkout is measured. Both run on one server,
in turns, with the same requests. The gateway is left out: it costs both the same.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.bench.figures import Figure, compared
from tests.bench.lab import ROOT, Lab
from tests.bench.load import LoadJob, LoadResult, run_load
from tests.bench.progress import Progress
from tests.shop import HOST, Shop, Visitor
from tests.tokens import TokenFactory

CITIZENS_AT_ONCE = 64
ROUNDS = 3
CONFIRMED, REFUSED = 400, 800  # requests of one round
CROWD, CROWD_STOCK = 5_000, 500
CONFIRMED_TARGET, REFUSED_TARGET = 1 / 3, 1 / 5
_LOAD_S = 600.0


def _tree_cpu_s(root: int) -> float:
    """Return the processor time of a process and its descendants, dead children included."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents: dict[int, int] = {}
    spent: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
                spent[int(entry.name)] = sum(int(field) for field in fields[11:15])
    family, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return sum(spent.get(pid, 0) for pid in family) / ticks


@dataclass
class Cost:
    """Milliseconds of processor time per request, by process, and what the requests were answered."""

    per_request_ms: dict[str, float]
    load: LoadResult

    @property
    def total_ms(self) -> float:
        return sum(self.per_request_ms.values())


class MeasuredShop(Shop):
    """A shop that tells the processor time of its processes and of PostgreSQL."""

    def __init__(self, lab: Lab, checkout: Path, name: str, tokens: TokenFactory) -> None:
        super().__init__(lab.postgres.admin_dsn(), lab.directory, name, tokens, checkout=checkout)
        self._lab = lab

    def cpu_s(self) -> dict[str, float]:
        spent = {service: _tree_cpu_s(process.pid) for service, process in self.processes.items()}
        server = self._lab.postgres.pid()
        assert server is not None
        return {**spent, "postgres": _tree_cpu_s(server)}

    async def offer(self, visitors: Sequence[Visitor], item_id: str) -> Cost:
        """Let each visitor order one piece, over CITIZENS_AT_ONCE connections."""
        requests = [visitor.order(item_id) for visitor in visitors]
        before = self.cpu_s()
        job = LoadJob(HOST, self.ports["rewards"], requests, CITIZENS_AT_ONCE, _LOAD_S)
        load = await run_load(job, self._lab.directory)
        after = self.cpu_s()
        return Cost({name: 1000 * (after[name] - before[name]) / len(requests) for name in after}, load)


async def measure_round(shop: MeasuredShop, number: int) -> tuple[Cost, Cost]:
    """Return the cost of a confirmed order and of one for a sold-out item."""
    visitors = await shop.add_visitors(CONFIRMED + REFUSED)
    await shop.add_item(f"enough-{number}", CONFIRMED)
    await shop.add_item(f"none-{number}", 0)
    confirmed = await shop.offer(visitors[:CONFIRMED], f"enough-{number}")
    refused = await shop.offer(visitors[CONFIRMED:], f"none-{number}")
    return confirmed, refused


async def measure_crowd(shop: MeasuredShop) -> Cost:
    visitors = await shop.add_visitors(CROWD)
    await shop.add_item("crowd", CROWD_STOCK)
    return await shop.offer(visitors, "crowd")


@contextlib.contextmanager
def older_checkout(directory: Path) -> Iterator[Path | None]:
    """Give the directory of BEFORE: a checkout, or a worktree of a commit."""
    before = os.environ.get("BEFORE", "")
    if not before or Path(before).is_dir():
        yield Path(before).resolve() if before else None
        return
    place = directory / "before"
    subprocess.run(
        ["git", "worktree", "add", "--detach", str(place), before], cwd=ROOT, check=True, capture_output=True
    )
    try:
        yield place
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(place)], cwd=ROOT, check=False, capture_output=True)


async def measure(lab: Lab, progress: Progress, *, rounds: int = ROUNDS) -> tuple[list[Figure], dict[str, Any]]:
    tokens = TokenFactory(Ed25519PrivateKey.generate())
    details: dict[str, Any] = {}
    costs: dict[str, list[tuple[Cost, Cost]]] = {"now": [], "before": []}
    with contextlib.ExitStack() as stack:
        older = stack.enter_context(older_checkout(lab.directory))
        places = {"now": ROOT, **({"before": older} if older else {})}
        shops = {
            name: stack.enter_context(MeasuredShop(lab, place, f"orders_{name}", tokens))
            for name, place in places.items()
        }
        for number in range(rounds):
            for name, shop in shops.items():
                progress.say(f"orders, {name}, {number + 1}/{rounds}")
                costs[name].append(await measure_round(shop, number))
            progress.step()
        progress.say(f"{CROWD} orders for {CROWD_STOCK} pieces")
        crowd = await measure_crowd(shops["now"])
        progress.step()
    details["orders_ms"] = {
        name: [[cost.per_request_ms | {"statuses": cost.load.statuses} for cost in pair] for pair in found]
        for name, found in costs.items()
    }
    details["orders_crowd"] = {"statuses": crowd.load.statuses, "p99_ms": crowd.load.p99_ms, "ms": crowd.per_request_ms}
    return _figures(costs, crowd), details


def _figures(costs: dict[str, list[tuple[Cost, Cost]]], crowd: Cost) -> list[Figure]:
    figures = []
    for place, names, target in (
        (0, ("兑换一单的处理器时间", "processor time of a confirmed order"), CONFIRMED_TARGET),
        (1, ("兑完后拒绝一单的处理器时间", "processor time of a SOLD_OUT"), REFUSED_TARGET),
    ):
        now = [pair[place].total_ms for pair in costs["now"]]
        before = [pair[place].total_ms for pair in costs["before"]] or now
        known = {"target": target} if costs["before"] else {}
        figures.append(
            compared("orders", names, now, before, unit="ms", limit_name="before", at_most=True, **known)  # type: ignore[arg-type]
        )
    sold = crowd.load.statuses.get("201", 0)
    faults = sum(count for status, count in crowd.load.statuses.items() if int(status) >= 500)
    figures.append(
        Figure(
            "orders",
            f"{CROWD:,} 单抢 {CROWD_STOCK} 件",
            f"{CROWD:,} orders for {CROWD_STOCK} pieces, p99 {crowd.load.p99_ms:.0f} ms, {faults} x 5xx",
            sold,
            "confirmed",
            limit=CROWD_STOCK,
            limit_name="pieces",
            ratio=sold / CROWD_STOCK,
            target=1.0,
            note=json.dumps(crowd.load.statuses),
        )
    )
    return figures
