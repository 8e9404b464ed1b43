"""`make bench`: measures, shows, keeps. `make bench ONLY=posting` for one part; `--readme` writes the documents."""

import asyncio
import time
from typing import Annotated, Any

import typer
from rich.console import Console

from tests.bench import figures, over_http, posting
from tests.bench.city import City
from tests.bench.figures import Figure
from tests.bench.lab import Lab
from tests.bench.progress import Progress

console = Console()


async def _posting(progress: Progress) -> tuple[list[Figure], dict[str, Any]]:
    with Lab() as lab:
        return await posting.measure(lab, progress)


async def _http(progress: Progress) -> tuple[list[Figure], dict[str, Any]]:
    with await asyncio.to_thread(City, "kafka") as city:
        found = await over_http.intake(city, progress) + await over_http.reads(city, progress)
        lasting, details = await over_http.end_to_end(city, progress)
        return found + lasting, details


async def _embedded(progress: Progress) -> tuple[list[Figure], dict[str, Any]]:
    with await asyncio.to_thread(City, "embedded") as city:
        return await over_http.end_to_end(city, progress)


PARTS = {
    "posting": (_posting, posting.ROUNDS * 6),
    "http": (_http, over_http.ROUNDS * 6 + 2),
    "embedded": (_embedded, 2),
}


def main(
    only: Annotated[str, typer.Option(help="one part: " + ", ".join(PARTS))] = "",
    readme: Annotated[bool, typer.Option("--readme", help="write the last results into the documents")] = False,
) -> None:
    """基准测试 Benchmarks, every figure against a limit or a peer of the same run."""
    if readme:
        found, content = figures.load()
        text = figures.markdown(found, content)
        for name in ("README.md", "docs/performance.md"):
            if not figures.write_into(figures.ROOT / name, text):
                console.print(f"{name}: 没有标记 has no markers")
        return
    chosen = [only] if only else list(PARTS)
    if any(name not in PARTS for name in chosen):
        raise typer.BadParameter(f"one of {', '.join(PARTS)}")
    started = time.monotonic()
    results: list[Figure] = []
    details: dict[str, Any] = {}
    with Progress(console, sum(PARTS[name][1] for name in chosen)) as progress:
        for name in chosen:
            measure, _ = PARTS[name]
            found, more = asyncio.run(measure(progress))
            results += found
            details |= more
            figures.save(found, details=more)
    figures.plot(figures.load()[0])
    console.print(figures.table(results))
    console.print(f"{time.monotonic() - started:.0f} s; {figures.RESULTS} {figures.PLOT}")


if __name__ == "__main__":
    typer.run(main)
