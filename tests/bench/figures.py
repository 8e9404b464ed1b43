"""Results of the benchmark: kept as JSON, shown as a table (zh/en), drawn as a PNG, written into the documents."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from shared import clock

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".run" / "bench.json"
PLOT = ROOT / ".run" / "bench.png"
README = ROOT / "README.md"
LONG_TABLE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
# The README shows these four; the English name of each figure begins so.
HEADLINES = ("posting, 1 worker", "HTTP to ledger, flooded, embedded log", "intake in batches of", "read balance, p99")


@dataclass
class Figure:
    """One measured figure. `ratio` = value / limit of the same round, median of the rounds; `target` of the ratio.

    `at_most`: the ratio must stay below its target instead of reaching it.
    """

    part: str
    name_zh: str
    name_en: str
    value: float
    unit: str
    limit: float | None = None
    limit_name: str = ""
    ratio: float | None = None
    target: float | None = None
    at_most: bool = False
    note: str = ""
    samples: list[float] = field(default_factory=list)

    @property
    def met(self) -> bool | None:
        if self.ratio is None or self.target is None:
            return None
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


def compared(
    part: str,
    names: tuple[str, str],
    values: Sequence[float],
    limits: Sequence[float],
    *,
    unit: str,
    limit_name: str,
    target: float | None = None,
    at_most: bool = False,
    note: str = "",
) -> Figure:
    """Return a figure from rounds in which value and limit took turns. The ratio is the median of the rounds."""
    ratios = [value / limit for value, limit in zip(values, limits, strict=True)]
    return Figure(
        part,
        *names,
        value=statistics.median(values),
        unit=unit,
        limit=statistics.median(limits),
        limit_name=limit_name,
        ratio=statistics.median(ratios),
        target=target,
        at_most=at_most,
        note=note,
        samples=[round(value, 1) for value in values],
    )


def machine() -> str:
    """Return processor, memory, system and Python version in one line."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else ""
    return (
        f"{os.cpu_count()} cores {model}, {memory_gib:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
    )


def save(figures: Sequence[Figure], *, details: dict[str, Any], load: float) -> None:
    """Replace the results of the parts measured now. Results of other parts stay.

    `load`: the load average of the machine before the run.
    """
    kept: list[dict[str, Any]] = []
    earlier: dict[str, Any] = {}
    if RESULTS.exists():
        earlier = json.loads(RESULTS.read_text(encoding="utf-8"))
        now = {figure.part for figure in figures}
        kept = [row for row in earlier.get("figures", []) if row["part"] not in now]
    content = {
        "machine": machine(),
        "load": round(load, 1),
        "date": clock.now().date().isoformat(),
        "figures": kept + [asdict(figure) for figure in figures],
        "details": {**earlier.get("details", {}), **details},
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def load() -> tuple[list[Figure], dict[str, Any]]:
    """Return the figures and the whole results file. Raises FileNotFoundError before the first run."""
    content = json.loads(RESULTS.read_text(encoding="utf-8"))
    return [Figure(**row) for row in content["figures"]], content


def number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{'≤' if figure.at_most else '≥'} {number(figure.target)}"


def _cells(figure: Figure) -> list[str]:
    limit = f"{figure.limit_name} {number(figure.limit)}" if figure.limit is not None else figure.limit_name
    ratio = number(figure.ratio) if figure.ratio is not None else ""
    verdict = {True: "✓", False: "✗", None: ""}[figure.met]
    return [f"{number(figure.value)} {figure.unit}", limit, ratio, _target(figure), verdict]


def table(figures: Sequence[Figure]) -> Table:
    shown = Table(title="基准测试 Benchmarks")
    for heading in ("部分 part", "指标 figure", "测得 measured", "对照 against", "比值 ratio", "目标 target", ""):
        shown.add_column(heading, overflow="fold")
    for figure in figures:
        shown.add_row(figure.part, f"{figure.name_zh}\n{figure.name_en}", *_cells(figure))
    return shown


def markdown(figures: Sequence[Figure], content: dict[str, Any]) -> str:
    lines = [
        "; ".join([content["machine"], content["date"], *_load_of(content)]),
        "",
        "| 指标 figure | 测得 measured | 对照 against | 比值 ratio | 目标 target | |",
        "| --- | ---: | --- | ---: | ---: | --- |",
    ]
    for figure in figures:
        lines.append("| " + " | ".join([f"{figure.name_zh} {figure.name_en}", *_cells(figure)]) + " |")
    return "\n".join(lines)


def headlines(figures: Sequence[Figure], content: dict[str, Any]) -> str:
    """Return the four figures of the README. Raises ValueError if a part was never measured."""
    lines = [
        "| 指标 figure | 测得 measured | 对照 against | 比值 ratio |",
        "| --- | ---: | --- | ---: |",
    ]
    for beginning in HEADLINES:
        found = [figure for figure in figures if figure.name_en.startswith(beginning)]
        if not found:
            raise ValueError(f"no result for {beginning!r}: run the whole benchmark first")
        lines.append("| " + " | ".join([f"{found[0].name_zh} {found[0].name_en}", *_cells(found[0])[:3]]) + " |")
    return "\n".join([*lines, "", f"{content['machine']}; {content['date']}"])


def write_documents(figures: Sequence[Figure], content: dict[str, Any]) -> None:
    """Write four figures into the README and the long table into docs/performance.md.

    Raises ValueError if a document has no markers or a part was never measured.
    """
    short = headlines(figures, content)
    write_between_markers(LONG_TABLE, markdown(figures, content))
    write_between_markers(README, short)


def _load_of(content: dict[str, Any]) -> list[str]:
    return [f"运行前负载 load before the run {content['load']}"] if "load" in content else []


def write_between_markers(document: Path, text: str) -> None:
    """Replace the text between the markers. Raises ValueError if the document has none."""
    before = document.read_text(encoding="utf-8")
    if BEGIN not in before or END not in before:
        raise ValueError(f"{document} has no markers {BEGIN} and {END}")
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    document.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def plot(figures: Sequence[Figure]) -> None:
    """Draw each ratio against its target as one bar."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = [figure for figure in figures if figure.ratio is not None and figure.target is not None]
    if not rows:
        return
    canvas, axes = plt.subplots(figsize=(9, 0.45 * len(rows) + 1.2), layout="constrained")
    shares = [
        (figure.target or 1) / (figure.ratio or 1) if figure.at_most else (figure.ratio or 0) / (figure.target or 1)
        for figure in rows
    ]
    axes.barh(
        [f"{figure.part}: {figure.name_en}" for figure in rows],
        shares,
        color=["#2a9d5c" if figure.met else "#c8553d" for figure in rows],
    )
    for place, figure in enumerate(rows):
        axes.text(shares[place], place, f" {number(figure.ratio or 0)} ({_target(figure)})", va="center", fontsize=8)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("target reached = 1")
    axes.invert_yaxis()
    axes.margins(x=0.25)
    canvas.savefig(PLOT, dpi=120)
    plt.close(canvas)
