"""`make migration`: a new Alembic revision of one service, with the differences between its tables and its schema.

    python -m deploy.local.migration SERVICE NAME

A throw-away PostgreSQL is migrated to the newest version and compared with the tables in the code. The file holds what
Alembic finds. Read it before use: Alembic sees neither grants nor CHECK constraints nor moved data.
"""

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from deploy.local.database import ROLES, SERVICES, bootstrap, role_dsn
from deploy.local.postgres import PostgresServer
from deploy.local.settings import ROOT
from shared import clock, migrations

NAME = re.compile(r"[a-z][a-z0-9_ ]{1,60}")


def create_migration(service: str, name: str, folder: Path | None = None) -> Path:
    """Writes `<date>_<number>_<name>.py`, numbered after the newest version, and returns its path.

    `folder`: where to write instead of the service's own versions.
    """
    with tempfile.TemporaryDirectory(prefix="migration-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)  # the server may run as another account
        server = PostgresServer(Path(place) / "postgres", durable=False)
        try:
            server.start()
            asyncio.run(bootstrap(server.admin_dsn(), {role: role for role in ROLES}))
            owner = f"{service}_owner"
            return _write(service, name, role_dsn(server.admin_dsn(), owner, owner), folder)
        finally:
            server.destroy()


def _write(service: str, name: str, dsn: str, folder: Path | None) -> Path:
    migrations.upgrade(service, dsn)
    config = _config(service, dsn, folder)
    newest = ScriptDirectory.from_config(config).get_current_head()
    made = command.revision(
        config,
        message=name.replace("_", " ").capitalize() + ".",
        autogenerate=True,
        rev_id=f"{int(newest or 0) + 1:04}",
        version_path=str(folder) if folder else None,
    )
    if not isinstance(made, Script):
        raise TypeError("Alembic wrote no file")
    written = Path(made.path)
    slug = re.sub(r"[ _]+", "_", name)
    return written.rename(written.with_name(f"{clock.now():%Y%m%d}_{made.revision}_{slug}.py"))


def _config(service: str, dsn: str, folder: Path | None) -> Config:
    config = migrations.config_for(service, dsn)
    if folder is not None:
        own = ROOT / "services" / service / "migrations" / "versions"
        config.set_main_option("path_separator", "os")
        config.set_main_option("version_locations", f"{own}{os.pathsep}{folder}".replace("%", "%%"))
    return config


def main(
    service: Annotated[str, typer.Argument(help=" | ".join(SERVICES))],
    name: Annotated[str, typer.Argument(help="如 such as add_lots")],
) -> None:
    """新建一份数据库迁移 Write a new migration of a service."""
    if service not in SERVICES or not NAME.fullmatch(name):
        print(
            f"用法 usage: make migration SERVICE={'|'.join(SERVICES)} NAME=add_lots (小写英文 lower-case English)",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    written = create_migration(service, name)
    print(f"已生成，请检查后使用 written, read it before use: {written.relative_to(ROOT)}")


if __name__ == "__main__":
    typer.run(main)
