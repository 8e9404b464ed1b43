"""`make fuzz`: bad input of every kind. Exit code 0: no wrong answer."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.local.settings import ROOT
from tests.fuzz.run import Outcome, Size, Target, run_families, write_report

EXAMPLES_SHOWN = 20

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
# The stack lies elsewhere, because `make clean` deletes this folder, also during a run.
REPORTS = ROOT / ".run"
app = typer.Typer(add_completion=False, rich_markup_mode=None)


def print_table(outcome: Outcome) -> None:
    table = Table(title=f"坏输入 Bad input · SEED={outcome.seed}")
    for title in ("种类 family", "用例 cases"):
        table.add_column(title)
    for family, cases in outcome.findings.cases.items():
        table.add_row(family, str(cases))
    console.print(table)
    for name, value in outcome.as_json().items():
        if name not in {"examples", "cases_by_family"}:
            console.print(f"  {name:24} {value}", markup=False)
    for failure in outcome.findings.failures[:EXAMPLES_SHOWN]:
        console.print(f"✗ {failure}", style="red", markup=False, soft_wrap=True)
    word = "[bold green]通过 passed" if outcome.ok else "[bold red]不通过 FAILED"
    cases = sum(outcome.findings.cases.values())
    console.print(f"{word}: 用例 cases {cases}, 不符 failures {outcome.findings.failed}[/]")


@app.command()
def main(
    seed: Annotated[int, typer.Option(envvar="SEED", help="决定全部随机选择 Decides every random choice.")] = 1,
    minutes: Annotated[float, typer.Option(envvar="MINUTES", help="最长用时 Longest run.")] = 8.0,
    cases: Annotated[int, typer.Option(envvar="CASES", help="每个接口每种方式 Per operation and mode.")] = 25,
    port_offset: Annotated[int, typer.Option(envvar="PORT_OFFSET")] = 22_000,
    run_dir: Annotated[Path, typer.Option(envvar="RUN_DIR", help="数据与日志 Data and logs.")] = Path(".cache/fuzz"),
) -> None:
    """发送坏输入并检查应答 Require no server error but a deliberate 503, problem documents, flat memory, no restart."""
    directory = (ROOT / run_dir).absolute()
    shutil.rmtree(directory, ignore_errors=True)
    target = Target(directory, port_offset=port_offset)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    outcome: Outcome | None = None
    try:
        target.local.up()
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("…")
            outcome = run_families(
                target,
                Size(minutes=minutes, cases=cases),
                seed,
                lambda family, what: progress.update(task, description=f"{family} {what[:80]}"),
            )
    finally:
        if outcome is not None and outcome.ok:
            target.local.clean()
        else:
            target.local.down()
    print_table(outcome)
    REPORTS.mkdir(exist_ok=True)
    write_report(outcome, REPORTS / "fuzz.json")
    console.print(str(REPORTS / "fuzz.json"))
    raise typer.Exit(0 if outcome.ok else 1)


if __name__ == "__main__":
    app()
