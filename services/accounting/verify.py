"""Verifier: `python -m services.accounting.verify bundle|proof|digests FILE` offline, `… ledger` on a database.

Exit code 0: all checks passed. 1: at least one check failed. 2: the file or the options cannot be read.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.accounting.checks import service as equations
from services.accounting.methodologies import service as methodologies
from services.accounting.proofs import nightly, rechecking, sealing
from services.accounting.proofs import service as proofs
from services.accounting.proofs.domain import Check
from services.accounting.proofs.schemas import Bundle, Digest, Proof
from services.accounting.proofs.verification import check_bundle, check_chain, check_proof
from shared.db import DATABASE_ERRORS, Database
from shared.language import Text
from shared.pagination import Page

FILE_BYTES_MAX = 64 * 1024 * 1024  # enough for a century of digests

app = typer.Typer(add_completion=False, no_args_is_help=True, help="核验减碳量 Verify grams.", rich_markup_mode=None)
console = Console(highlight=False, soft_wrap=True)
Model = TypeVar("Model", bound=BaseModel)

File = Annotated[Path, typer.Argument(help="保存的文件，- 为标准输入 A saved file, - for standard input.")]
Key = Annotated[
    str | None, typer.Option("--public-key", help="运营方公布的公钥（十六进制）The operator's published key, hex.")
]
Chain = Annotated[
    list[Path] | None,
    typer.Option("--digests", help="以前保存的每日摘要 Digests saved earlier: pages of /public/digests."),
]


def _read(file: Path, parse: Callable[[bytes], Model]) -> Model:
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(FILE_BYTES_MAX)
        else:
            with file.open("rb") as opened:
                content = opened.read(FILE_BYTES_MAX)
        return parse(content)  # a longer file is cut off, so it is no valid JSON
    except (OSError, ValidationError) as exc:
        console.print(f"无法读取 cannot read {file}: {exc}", style="red", markup=False)
        raise typer.Exit(2) from exc


def _digests(files: Sequence[Path] | None) -> list[Digest]:
    found = [digest for file in files or () for digest in _read(file, Page[Digest].model_validate_json).items]
    if files and not found:  # a comparison with nothing would find no difference
        console.print("文件里没有摘要 the files contain no digest", style="red", markup=False)
        raise typer.Exit(2)
    return found


def _report(checks: Sequence[Check], done: Text) -> None:
    for check in checks:
        sign = "[green]✓[/green]" if check.ok else "[red]✗[/red]"
        detail = f"  [dim]{escape(check.detail)}[/dim]" if check.detail else ""
        console.print(f"{sign} {escape(check.text.zh)} {escape(check.text.en)}{detail}")
    failed = sum(not check.ok for check in checks)
    if failed or not checks:
        console.print(f"[bold red]不通过：{failed} 项不符 FAILED: {failed} check(s)[/bold red]")
        raise typer.Exit(1)
    console.print(f"[bold green]通过：{escape(done.zh)} OK: {escape(done.en)}[/bold green]")


def _warn_unsigned(digest: Digest) -> None:
    if digest.signature is None:
        console.print(
            "[yellow]! 摘要未签名：请与公开保存的摘要比对[/yellow] unsigned: compare it with a digest saved elsewhere"
        )


@app.command()
def bundle(file: File, public_key: Key = None, digests: Chain = None) -> None:
    """由导出的依据重算一次行为 Recompute an activity from its bundle, and check its proof."""
    found = _read(file, Bundle.model_validate_json)
    checks = check_bundle(found, public_key=public_key, chain=_digests(digests))
    if found.proof is None and found.activity.amount_mg:
        console.print(f"[yellow]! 尚未封存 not sealed yet[/yellow] ({found.sealed_after})")
    elif found.proof is not None:
        _warn_unsigned(found.proof.digest)
    amount_mg = found.activity.amount_mg
    _report(checks, Text(f"这次行为值 {amount_mg} 毫克", f"this activity is worth {amount_mg} mg"))


@app.command()
def proof(file: File, public_key: Key = None, digests: Chain = None) -> None:
    """离线核对存在证明 Check an inclusion proof offline."""
    found = _read(file, Proof.model_validate_json)
    checks = check_proof(found, public_key=public_key, chain=_digests(digests))
    _warn_unsigned(found.digest)
    _report(checks, Text(f"已封存于 {found.digest.day}", f"sealed on {found.digest.day}"))


@app.command("digests")
def check_digests(files: Annotated[list[Path], typer.Argument(help="保存的每日摘要 Saved pages of digests.")]) -> None:
    """核对每日摘要的链条 Check that saved digests form one unbroken chain."""
    found = _digests(files)
    _report(check_chain(found), Text(f"{len(found)} 份摘要", f"{len(found)} digest(s)"))


@app.command()
def ledger(
    database_url: Annotated[
        str, typer.Option(envvar="ACCOUNTING_DATABASE_URL", help="postgresql://…，只读即可 read-only rights suffice.")
    ],
    digests: Chain = None,
    public_keys: Annotated[
        list[str] | None,
        typer.Option(
            "--public-key", help="运营方公布的公钥，换过的都写上 The published key; repeat it for older ones, hex."
        ),
    ] = None,
    copy: Annotated[
        Path | None, typer.Option("--copy", help="库外的摘要副本 The copy outside the database: digests.jsonl.")
    ] = None,
) -> None:
    """由数据库重算所有封存日与余额 Recompute all sealed days, balances and caps from the database."""
    try:
        keys = frozenset(key.lower() for key in public_keys or ())
        checks = asyncio.run(_check_ledger(database_url, _digests(digests), copy, keys))
    except (OSError, msgspec.MsgspecError, *DATABASE_ERRORS) as exc:
        console.print(f"无法读取 the database or the copy cannot be read: {exc}", style="red", markup=False)
        raise typer.Exit(2) from exc
    _report(checks, Text("账本与封存一致", "the ledger matches its seals"))


async def _check_ledger(
    database_url: str, known: Sequence[Digest], copy: Path | None, keys: frozenset[str]
) -> list[Check]:
    database = Database(
        database_url, pool_size=1, application_name="accounting-verify", command_timeout_s=equations.AUDIT_WAIT_S
    )
    try:
        return [
            *await _check_days(database, known, keys),
            *await _check_records(database, copy, keys),
            *await _check_balances(database),
        ]
    finally:
        await database.stop()


async def _check_days(database: Database, known: Sequence[Digest], keys: frozenset[str]) -> list[Check]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    expected = {digest.day: digest.sha256 for digest in known}
    checks, days, leaves = [], 0, 0
    with Progress(*columns, console=console, transient=True) as progress:
        async with database.transaction() as session:
            task = progress.add_task("封存日 sealed days", total=await proofs.count_sealed_leaves(session))
            async for day in rechecking.check_days(session, keys):
                progress.update(task, advance=day.leaves, description=str(day.day))
                days, leaves = days + 1, leaves + day.leaves
                for finding in day.findings:
                    span = f"{finding.since} … {finding.until}" if finding.until else ""
                    checks.append(Check(False, Text(f"{day.day} {finding.text.zh}", finding.text.en), span))
                if expected.pop(day.day, day.sha256) != day.sha256:
                    text = Text(f"{day.day} 与以前保存的摘要不同", "differs from the digest saved earlier")
                    checks.append(Check(False, text))
    checks += [Check(False, Text(f"{day} 的摘要不见了", "a digest saved earlier is missing")) for day in expected]
    if not checks:
        checks.append(Check(True, Text("封存日全部重算一致", "all sealed days recompute"), f"{days} / {leaves}"))
    return checks


async def _check_records(database: Database, copy: Path | None, keys: frozenset[str]) -> list[Check]:
    """Check the chain of operators' records, the copy outside the database, and the library."""
    async with database.transaction() as session:
        findings = await sealing.RECORDS.check(session, keys)
        if copy is not None:
            findings += await nightly.check_copy(session, copy)
        refused = (await methodologies.examine_library(session)).refused
    checks = [Check(False, Text(f"{one.day} {one.text.zh}", one.text.en)) for one in findings]
    text = Text("方法学与因子是两人批准的内容", "methodologies and factors are what two people approved")
    return [*checks, Check(not refused, text, ", ".join(str(one) for one in refused))]


async def _check_balances(database: Database) -> list[Check]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    figures: dict[str, int] = {}
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("余额与上限 balances and caps", total=equations.FIGURES)
        async with database.transaction() as session:
            async for name, figure in equations.check_each(session):
                figures[name] = figure
                progress.update(task, advance=1, description=name)
    differences: list[equations.Difference] = []
    if figures["balances_differing"] or figures["caps_differing"]:
        async with database.transaction() as session:
            differences = await equations.list_differences(session)
    wrong = {name: value for name, value in figures.items() if value and name not in equations.SIZES}
    checks = [
        Check(False, Text("余额或上限与入账不符", "a balance or cap differs from its postings"), str(difference))
        for difference in differences
    ]
    detail = ", ".join(f"{name}={value}" for name, value in (wrong or figures).items())
    checks.append(
        Check(not wrong, Text("余额与上限由入账重算一致", "balances and caps recompute from the postings"), detail)
    )
    return checks


if __name__ == "__main__":
    app()
