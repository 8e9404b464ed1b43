"""The command of a service that has only a sealing key to rotate: `status`, `seal`, `new`."""

import asyncio
import base64
import secrets
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, TypeVar

import typer

from shared.db import Database
from shared.rotation import Sealed, seal_anew
from shared.sealing import SealBroken

T = TypeVar("T")
Opened = tuple[Database, Sequence[Sealed]]


def new_key(number: int) -> str:
    """Return a new value for the settings."""
    return f"{number}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. A secret that no key opens ends the process with its place, never with its value."""
    try:
        return asyncio.run(work)
    except SealBroken as exc:
        print(f"打不开 no key of the settings opens {exc}", file=sys.stderr)
        raise typer.Exit(1) from None


def sealing_app(service: str, open_columns: Callable[[], Opened], *, after: str) -> typer.Typer:
    """Make the command. `open_columns` reads the settings; `after` says what may be done when all is sealed anew."""
    app = typer.Typer(
        add_completion=False, no_args_is_help=True, help="密钥轮换 Rotation of keys.", rich_markup_mode=None
    )

    @app.command()
    def seal() -> None:
        """换加密密钥 Seal everything with the current key of the settings."""

        async def work() -> int:
            database, columns = open_columns()
            try:
                return await seal_anew(database, name=f"{service}.seal", columns=columns)
            finally:
                await database.stop()

        print(f"已重新加密 {run(work())} 项 sealed anew; {after}")

    @app.command()
    def status() -> None:
        """还有多少待重新加密 How much is left."""

        async def work() -> list[str]:
            database, columns = open_columns()
            try:
                async with database.transaction() as session:
                    return [f"seal    {one.title}: {await one.count_left(session)}" for one in columns]
            finally:
                await database.stop()

        print("\n".join(run(work())))

    @app.command()
    def new(number: Annotated[int, typer.Argument(min=1, max=255, help="密钥编号 Number of the key")] = 2) -> None:
        """生成一个新的配置值 Print a new value for the settings."""
        print(new_key(number))

    return app
