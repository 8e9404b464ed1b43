"""`make bench`: measures, shows the table, keeps the results and writes the figures into the documents.

`make bench ONLY=posting` measures one part and leaves the documents alone. `--readme` writes the kept results into
them.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from rich.console import Console

from tests.bench import figures, orders, over_http, posting, rankings, scale, sealing
from tests.bench.city import City
from tests.bench.figures import Figure
from tests.bench.lab import Lab
from tests.bench.progress import Progress

console = Console()


Measured = tuple[list[Figure], dict[str, Any]]


async def _posting(progress: Progress) -> Measured:
    with Lab() as lab:
        return await posting.measure(lab, progress)


async def _scale(progress: Progress) -> Measured:
    with Lab() as lab:
        return await scale.measure(lab, progress)


async def _sealing(progress: Progress) -> Measured:
    with Lab(kafka=False) as lab:
        return await sealing.measure(lab, progress)


async def _orders(progress: Progress) -> Measured:
    with Lab(kafka=False) as lab:
        return await orders.measure(lab, progress)


async def _rankings(progress: Progress) -> Measured:
    with Lab(kafka=False) as lab:
        return await rankings.measure(lab, progress)


async def _intake(progress: Progress) -> Measured:
    with City("kafka") as city:
        return await over_http.intake(city, progress), {}


async def _reads(progress: Progress) -> Measured:
    with City("embedded") as city:
        return await over_http.reads(city, progress), {}


async def _kafka(progress: Progress) -> Measured:
    with City("kafka") as city:
        return await over_http.end_to_end(city, progress)


async def _embedded(progress: Progress) -> Measured:
    with City("embedded") as city:
        return await over_http.end_to_end(city, progress)


async def _soak(progress: Progress) -> Measured:
    with City("embedded") as city:
        return await over_http.soak(city, progress)


# Name → (measurement, steps of the progress bar). `soak` takes ten minutes and runs only on request.
PARTS: dict[str, tuple[Callable[[Progress], Coroutine[Any, Any, Measured]], int]] = {
    "posting": (_posting, posting.ROUNDS * 6),
    "scale": (_scale, scale.STEPS),
    "sealing": (_sealing, sealing.STEPS),
    "orders": (_orders, orders.ROUNDS + 1),
    "rankings": (_rankings, rankings.STEPS),
    "intake": (_intake, over_http.ROUNDS * 2),
    "reads": (_reads, over_http.ROUNDS * 4),
    "kafka": (_kafka, 2),
    "embedded": (_embedded, 2),
    "soak": (_soak, over_http.SOAK_MINUTES),
}


def main(
    only: Annotated[str, typer.Option(help="measure only one part: " + ", ".join(PARTS))] = "",
    readme: Annotated[
        bool, typer.Option("--readme", help="write the kept results into the documents, measure nothing")
    ] = False,
) -> None:
    """基准测试 Benchmarks. Each figure is compared with a limit or a peer of the same run."""
    if readme:
        figures.write_documents(*figures.load())
        return
    chosen = [only] if only else [name for name in PARTS if name != "soak"]
    if any(name not in PARTS for name in chosen):
        raise typer.BadParameter(f"one of {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaves the `with` blocks, which stop the servers
    started = time.monotonic()
    load = os.getloadavg()[0]
    results: list[Figure] = []
    details: dict[str, Any] = {}
    with Progress(console, sum(PARTS[name][1] for name in chosen)) as progress:
        for name in chosen:
            measure, _ = PARTS[name]
            found, more = asyncio.run(measure(progress))
            results += found
            details |= more
            figures.save(found, details=more, load=load)
    kept, content = figures.load()
    figures.plot(kept)
    if not only:
        figures.write_documents(kept, content)
    console.print(figures.table(results))
    console.print(f"{time.monotonic() - started:.0f} s; {figures.RESULTS} {figures.PLOT}")


if __name__ == "__main__":
    typer.run(main)
