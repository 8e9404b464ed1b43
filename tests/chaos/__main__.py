"""`make chaos`: injects faults into the whole stack on this machine and reports the result of each."""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from deploy.local.settings import ROOT
from tests.chaos import report
from tests.chaos.faults import ALL, select_faults
from tests.chaos.load import Load
from tests.chaos.run import Result, Run
from tests.chaos.stack import FaultStack

# In a file, each row of the table needs one line.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
# The stack lies elsewhere, because `make clean` deletes this folder, also during a run.
REPORTS = ROOT / ".run"
app = typer.Typer(add_completion=False, rich_markup_mode=None)


async def run_faults(
    run_dir: Path, *, log: str, faults: str, seed: int, minutes: float, events_per_s: float, port_offset: int
) -> Result:
    """Start a stack in `run_dir`, play the faults, stop it."""
    stack = FaultStack(run_dir, log=log, port_offset=port_offset)
    result: Result | None = None
    try:
        await stack.up()
        load = Load(stack.directory.credentials, seed, events_per_s=events_per_s, citizens=16)
        run = Run(stack, load, select_faults(faults, seed), seed)
        result = await run.play(lambda outcome: console.print(report.outcome_line(outcome)), budget_s=60 * minutes)
    finally:
        await stack.down(keep=result is None or not result.ok)
    return result


@app.command()
def main(
    seed: Annotated[int, typer.Option(envvar="SEED", help="决定全部随机选择 Decides every random choice.")] = 1,
    log: Annotated[str, typer.Option(envvar="LOG", help="postgres | kafka")] = "postgres",
    faults: Annotated[
        str, typer.Option(envvar="FAULTS", help="all | kafka | short | starve | 逗号分隔的名称 comma-separated names")
    ] = "all",
    minutes: Annotated[
        float, typer.Option(envvar="MINUTES", help="超过此时间不再开始新的故障 No new fault starts after this time.")
    ] = 12.0,
    rate: Annotated[float, typer.Option(envvar="RATE", help="事件/秒 Events per second.")] = 60.0,
    port_offset: Annotated[int, typer.Option(envvar="PORT_OFFSET")] = 22_000,
    run_dir: Annotated[Path, typer.Option(envvar="RUN_DIR", help="数据与日志 Data and logs.")] = Path(".cache/chaos"),
) -> None:
    """注入故障并核对 Inject faults. Exit code 0: nothing lost or doubled, checks clean, recoveries in time."""
    try:
        select_faults(faults, seed)
    except KeyError as unknown:
        console.print(f"没有这个故障 no such fault: {unknown}. {', '.join(ALL)}")
        raise typer.Exit(2) from unknown
    kind: Literal["postgres", "kafka"] = "kafka" if log == "kafka" else "postgres"
    directory = (ROOT / run_dir).absolute()
    shutil.rmtree(directory / "stack", ignore_errors=True)
    result = asyncio.run(
        run_faults(
            directory,
            log=kind,
            faults=faults,
            seed=seed,
            minutes=minutes,
            events_per_s=rate,
            port_offset=port_offset,
        )
    )
    report.print_table(result, console)
    REPORTS.mkdir(exist_ok=True)
    report.write_files(result, REPORTS)
    console.print(f"{REPORTS / 'chaos.json'}, {REPORTS / 'chaos.md'}")
    raise typer.Exit(0 if result.ok else 1)


if __name__ == "__main__":
    app()
