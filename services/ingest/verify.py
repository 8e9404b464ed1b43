"""Verifier of records: `python -m services.ingest.verify records` on a database, with rights to read.

Exit code 0: all checks passed. 1: at least one check failed. 2: the database or the key cannot be read.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from services.ingest.partners.proof import opener
from services.ingest.records import service
from services.ingest.records.domain import RecordFinding
from services.ingest.settings import sealer_of
from shared.db import DATABASE_ERRORS, LONG_READ_S, Database
from shared.sealing import Sealer
from shared.sealing_keys import parse_keys

app = typer.Typer(add_completion=False, no_args_is_help=True, help="核验登记 Verify records.", rich_markup_mode=None)
console = Console(highlight=False, soft_wrap=True)


@app.callback()
def _main() -> None:
    """A command is always named."""


@app.command()
def records(
    database_url: Annotated[
        str, typer.Option(envvar="INGEST_DATABASE_URL", help="postgresql://…，只读即可 read-only rights suffice.")
    ],
    public_keys: Annotated[
        list[str] | None,
        typer.Option(
            "--public-key", help="运营方公布的公钥，换过的都写上 The published key; repeat it for older ones, hex."
        ),
    ] = None,
    copy: Annotated[
        Path | None, typer.Option("--copy", help="库外的摘要副本 The copy outside the database: ingest-digests.jsonl.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="INGEST_KEY_ENCRYPTION_KEY",
            help="有则一并核对登记文件的封印 With it the seals of the seed file's entries are checked, too.",
        ),
    ] = None,
    former: Annotated[
        str | None,
        typer.Option(
            "--former-keys",
            envvar="INGEST_KEY_ENCRYPTION_KEYS_FORMER",
            help="换过的密钥 The keys before it, with commas between them.",
        ),
    ] = None,
) -> None:
    """核对合作方、密钥与运营记录 Check partners, keys, and the seals of operators' records."""
    try:
        sealer = sealer_of(parse_keys(key, former or "")) if key else None
        keys = frozenset(one.lower() for one in public_keys or ())
        found, upto = asyncio.run(_check(database_url, sealer, copy, keys))
    except (OSError, ValueError, *DATABASE_ERRORS) as exc:
        console.print(f"无法读取 the database or the key cannot be read: {exc}", style="red", markup=False)
        raise typer.Exit(2) from exc
    if sealer is None:
        console.print(
            "[yellow]! 没有密钥，未核对登记文件的封印[/yellow] no key: seals of the seed's entries not checked"
        )
    for one in found:
        about = " ".join(str(part) for part in (one.day, one.partner_id, one.app_key) if part)
        console.print(f"[red]✗[/red] {escape(about)} {escape(one.text.zh)} {escape(one.text.en)}")
    if found:
        console.print(f"[bold red]不通过：{len(found)} 项不符 FAILED: {len(found)} finding(s)[/bold red]")
        raise typer.Exit(1)
    console.print(f"[bold green]通过：登记与封存一致 OK: the records match their seals[/bold green] ({upto})")


async def _check(
    database_url: str, sealer: Sealer | None, copy: Path | None, keys: frozenset[str]
) -> tuple[list[RecordFinding], str]:
    database = Database(database_url, pool_size=1, application_name="ingest-verify", command_timeout_s=LONG_READ_S)
    try:
        async with database.transaction() as session:
            found = await service.check_partners(session, opens=opener(sealer) if sealer else None)
            found += await service.check_seals(session, copy=copy, keys=keys)
            return found, str(await service.newest_day(session))
    finally:
        await database.stop()


if __name__ == "__main__":
    app()
