"""The report of a run: a table for the terminal, JSON for programs, Markdown for people."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.run import RECOVERY_MAX_S, Outcome, Result

FACTS_SHOWN = 60


def outcome_line(outcome: Outcome) -> str:
    """Return one line about a finished fault."""
    name = f"{outcome.fault.zh} {outcome.fault.en}"
    if outcome.not_possible:
        return f"[yellow]–[/yellow] {name}: 此处无法进行 not possible here: {outcome.not_possible}"
    sign = "[green]✓[/green]" if outcome.ok else "[red]✗[/red]"
    said = "".join(f"\n    [red]{problem}[/red]" for problem in [*outcome.problems, *outcome.verdict.problems])
    facts = f"  [dim]{_facts(outcome)}[/dim]" if _facts(outcome) else ""
    return f"{sign} {name}: {_recovery(outcome)} s{facts}{said}"


def _recovery(outcome: Outcome) -> str:
    return "–" if outcome.recovery_s is None else f"{outcome.recovery_s:.1f}"


def _facts(outcome: Outcome) -> str:
    return ", ".join(f"{name}={value}" for name, value in outcome.facts.items() if name not in {"problems", "injected"})


def print_table(result: Result, console: Console) -> None:
    table = Table(title=f"故障注入 Faults · LOG={result.log} SEED={result.seed}")
    for title in (
        "故障 fault",
        "次数 times",
        "恢复 recovery s",
        "已核对事件 events",
        "丢失 lost",
        "重复 doubled",
        "结果",
    ):
        table.add_column(title, overflow="fold")
    for one in result.outcomes:
        verdict = "–" if one.not_possible else "✓" if one.ok else "✗"
        table.add_row(
            f"{one.fault.zh}\n{one.fault.en}",
            str(one.injected),
            _recovery(one),
            str(one.verdict.verified_events),
            str(one.verdict.lost),
            str(one.verdict.doubled),
            verdict,
        )
    console.print(table)
    for name, value in summary(result).items():
        if not isinstance(value, dict | list):
            console.print(f"  {name:24} {value}")
    for problem in problems(result):
        console.print(f"[red]✗ {problem}[/red]", soft_wrap=True)
    word = "[bold green]通过 passed" if result.ok else "[bold red]不通过 FAILED"
    console.print(f"{word}: 丢失 lost {lost(result)}, 重复 doubled {doubled(result)}[/]")


def lost(result: Result) -> int:
    return result.final.lost + sum(one.verdict.lost for one in result.outcomes)


def doubled(result: Result) -> int:
    return result.final.doubled + sum(one.verdict.doubled for one in result.outcomes)


def problems(result: Result) -> list[str]:
    found = [*result.problems, *result.final.problems]
    for one in result.outcomes:
        found += [f"{one.fault.name}: {problem}" for problem in [*one.problems, *one.verdict.problems]]
    return found


def summary(result: Result) -> dict[str, Any]:
    times = sorted(one.recovery_s for one in result.outcomes if one.recovery_s is not None)
    return {
        "ok": result.ok,
        "log": result.log,
        "seed": result.seed,
        "minutes": round(result.seconds / 60, 1),
        "kinds_of_faults": sum(not one.not_possible for one in result.outcomes),
        "faults_injected": sum(one.injected for one in result.outcomes),
        "recovery_max_s": round(times[-1], 1) if times else None,
        "recovery_median_s": round(times[len(times) // 2], 1) if times else None,
        "recovery_bound_s": RECOVERY_MAX_S,
        "lost": lost(result),
        "doubled": doubled(result),
        **result.figures,
    }


def as_json(result: Result) -> dict[str, Any]:
    return {
        **summary(result),
        "problems": problems(result),
        "faults": [
            {
                "name": one.fault.name,
                "injected": one.injected,
                "took_s": round(one.took_s, 2),
                "recovery_s": None if one.recovery_s is None else round(one.recovery_s, 2),
                "events_verified": one.verdict.verified_events,
                "writes_verified": one.verdict.verified_writes,
                "ok": one.ok,
                "not_possible": one.not_possible,
                "facts": {name: value for name, value in one.facts.items() if name != "problems"},
            }
            for one in result.outcomes
        ],
    }


def write_files(result: Result, directory: Path) -> None:
    """Write `chaos.json` and `chaos.md`."""
    directory.mkdir(parents=True, exist_ok=True)
    content = as_json(result)
    (directory / "chaos.json").write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
    lines = [f"# 故障注入 Faults: LOG={result.log} SEED={result.seed}", ""]
    lines += [f"* {name}: {value}" for name, value in summary(result).items()]
    lines += ["", "| fault | times | recovery s | events verified | facts | |", "| --- | --- | --- | --- | --- | --- |"]
    for one in result.outcomes:
        verdict = one.not_possible or ("✓" if one.ok else "✗")
        lines.append(
            f"| {one.fault.zh} {one.fault.en} | {one.injected} | {_recovery(one)} | {one.verdict.verified_events}"
            f" | {_facts(one)} | {verdict} |"
        )
    lines += ["", *(f"* ✗ {problem}" for problem in problems(result))]
    (directory / "chaos.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
