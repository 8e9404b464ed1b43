"""Operators on the machine itself: `python -m services.accounts.operator_command add li.wei --role ledger`.

There is no route that makes an operator: an operator who can make another one is two persons. The administrator of the
server could do anything anyway. In a city with an identity provider only `list`, `disable` and `enable` are of use.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from services.accounts.audit.service import log as audit_log
from services.accounts.operator_accounts import service
from services.accounts.operator_sessions import service as sessions
from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from shared.db import Database, Session

T = TypeVar("T")
# The subject of audit entries that no operator made.
MACHINE = "machine"

app = typer.Typer(add_completion=False, no_args_is_help=True, help="运营人员 Operators.", rich_markup_mode=None)


class ImportedAccount(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    roles: list[str]
    password: str
    totp_secret: str


def _run(work: Callable[[Session, Settings], Awaitable[T]]) -> T:
    async def main() -> T:
        settings = Settings()
        database = Database(settings.database_url, pool_size=1, application_name="accounts-operators")
        try:
            async with database.transaction() as session:
                return await work(session, settings)
        finally:
            await database.stop()

    return asyncio.run(main())


def _fail(text: str) -> typer.Exit:
    print(text, file=sys.stderr)
    return typer.Exit(1)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="登录名 a-z 0-9 . _ -")],
    role: Annotated[list[str], typer.Option(help="可重复 May be repeated. docs/operators.md lists them.")],
) -> None:
    """新建本地账户 Make a local account. The password and the TOTP secret are printed once."""

    async def work(session: Session, settings: Settings) -> service.NewAccount | None:
        made = await service.add_local(session, vault=vault_of(settings), name=name, roles=role)
        if made is not None:
            await _record(session, "operator.add", made.subject, after={"roles": sorted(role)})
        return made

    try:
        made = _run(work)
    except ValueError as exc:
        raise _fail(str(exc)) from None
    if made is None:
        raise _fail(f"{name} 已存在 exists")
    print(f"subject   {made.subject}\npassword  {made.password}\nTOTP      {made.totp_uri}")


@app.command("import")
def import_file(file: Path) -> None:
    """从文件导入本地账户，仅限开发 Import local accounts with given secrets. For development only."""

    async def work(session: Session, settings: Settings) -> int:
        if settings.profile == "production":
            raise _fail("PROFILE=production: 请用 add，由系统生成密码 use `add`, which makes the secrets")
        return sum(
            [
                await service.import_local(session, vault=vault_of(settings), **account.model_dump())
                for account in TypeAdapter(list[ImportedAccount]).validate_json(file.read_bytes())
            ]
        )

    try:
        print(f"新建 {_run(work)} 个本地账户 local accounts made")
    except ValidationError as exc:
        problems = exc.errors(include_url=False, include_input=False)
        raise _fail("\n".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems)) from None
    except ValueError as exc:
        raise _fail(str(exc)) from None


@app.command()
def disable(subject: str, reason: Annotated[str, typer.Option(min=2)] = "disabled on the machine") -> None:
    """停用并结束其全部登录 Disable an operator and end all of its sessions."""

    async def work(session: Session, _settings: Settings) -> int | None:
        operator_id = await service.set_disabled(session, subject=subject, disabled=True)
        if operator_id is None:
            return None
        await _record(session, "operator.disable", subject, reason=reason)
        return await sessions.end_all(session, operator_id=operator_id, by=MACHINE, reason=reason)

    ended = _run(work)
    if ended is None:
        raise _fail(f"没有 {subject} no such operator")
    print(f"已停用，结束 {ended} 个登录 disabled, {ended} sessions ended")


@app.command()
def enable(subject: str) -> None:
    """恢复 Enable an operator again."""

    async def work(session: Session, _settings: Settings) -> bool:
        found = await service.set_disabled(session, subject=subject, disabled=False) is not None
        if found:
            await _record(session, "operator.enable", subject)
        return found

    if not _run(work):
        raise _fail(f"没有 {subject} no such operator")
    print("已恢复 enabled")


@app.command("list")
def list_operators() -> None:
    """列出运营人员 List the operators."""

    async def work(session: Session, _settings: Settings) -> list[str]:
        return [
            f"{one.subject}\t{one.name}\t{','.join(one.roles)}\t"
            + (f"disabled {one.disabled_at}" if one.disabled_at else "active")
            for one in await service.list_operators(session)
        ]

    print("\n".join(_run(work)))


async def _record(
    session: Session,
    action: str,
    subject: str,
    *,
    reason: str = "on the machine",
    after: dict[str, object] | None = None,
) -> None:
    await audit_log.record(
        session, subject=MACHINE, action=action, about=f"operator:{subject}", reason=reason, after=after
    )


if __name__ == "__main__":
    app()
