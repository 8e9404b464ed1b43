"""Rotations of keys while the service runs: `python -m services.accounts.keys status|signer|index|seal|new`.

Each command may be killed and run again, and two at once do no harm. docs/operators.md leads through a rotation.
"""

import asyncio
import base64
import secrets
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Final, TypeVar

import typer

from services.accounts.database import SCHEMA
from services.accounts.lookup_keys import service as lookup_keys
from services.accounts.operator_accounts import service as operator_accounts
from services.accounts.phones import service as phones
from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from services.accounts.signing import TokenSigner
from services.accounts.signing_keys import service as signing_keys
from services.accounts.users import service as users
from services.accounts.vault import DataKind, IndexKey, Vault
from shared.db import Database
from shared.errors import AppError
from shared.rotation import ROWS_PER_STEP, ProgressBar, Sealed, seal_anew, sealed_column, take_turn
from shared.sealing import SealBroken

T = TypeVar("T")
INDEX, SEAL = "accounts.lookup_key", "accounts.seal"
_HELD_WAIT_S = 0.02
# Title, kind, table, its key, the column of the id that is the sealed place, the sealed column.
PLAIN_COLUMNS: Final[tuple[tuple[str, DataKind, str, str, str, str], ...]] = (
    ("企业联系人 contacts", "enterprise_contact", "enterprise", "enterprise_id", "enterprise_id", "contact_sealed"),
    ("成员姓名 names", "member_name", "enterprise_member", "membership_id", "membership_id", "name_sealed"),
    ("证件密钥 document keys", "document_key", "enterprise_document", "document_id", "document_id", "key_sealed"),
    ("合作方令牌 partner tokens", "partner_tokens", "partner_grant", "grant_id", "user_id", "tokens_sealed"),
    ("满 14 岁的日期 ages", "turns_14", "declared_age", "user_id", "user_id", "turns_14_sealed"),
    ("家庭名称 household names", "household_name", "household", "household_id", "household_id", "name_sealed"),
    ("家庭昵称 nicknames", "nickname", "household_member", "membership_id", "membership_id", "nickname_sealed"),
    ("亲情卡备注 card labels", "card_label", "family_card", "card_id", "card_id", "label_sealed"),
    ("个人密钥 person keys", "data_key", "person_key", "user_id", "user_id", "key_sealed"),
    ("待审文字 texts", "text", "text_check", "check_id", "user_id", "text_sealed"),
)
# Sealed with another key, which one of the columns above holds.
SEALED_BY_OTHER_KEYS: Final = {
    ("enterprise_document_piece", "content_sealed"): "the key of the document",
    ("export_archive", "sealed"): "the key of the person",
    ("freeze_question", "text_sealed"): "the key of the person",
    ("freeze_question", "answer_sealed"): "the key of the person",
}

app = typer.Typer(add_completion=False, no_args_is_help=True, help="密钥轮换 Rotation of keys.", rich_markup_mode=None)


class OtherRotation(Exception):
    """The database names another current pepper than the newest of these settings."""


def _run(work: Callable[[Database, Settings], Awaitable[T]]) -> T:
    async def main() -> T:
        settings = Settings()
        database = Database(settings.database_url, pool_size=2, application_name="accounts-keys")
        try:
            return await work(database, settings)
        finally:
            await database.stop()

    try:
        return asyncio.run(main())
    except AppError as exc:
        print(f"{exc.code}：配置里缺少数据库正在使用的密钥 the settings lack a key that rows have", file=sys.stderr)
    except SealBroken as exc:
        print(f"打不开 no key of the settings opens {exc}", file=sys.stderr)
    except OtherRotation:
        print("另一次轮换已经开始 another rotation has begun: run it with its settings", file=sys.stderr)
    raise typer.Exit(1)


async def rotate_index(database: Database, vault: Vault) -> int:
    """Make the newest pepper the current one and hash all rows under it. Return the number of rows of this rotation.

    Raises LookUpKeyUnknown, OtherRotation, SealBroken.
    """
    async with database.transaction() as session:
        await users.enter_fence(session, vault)  # records the key that fits the rows
    async with database.transaction() as session:
        key = await lookup_keys.begin_rotation(session, vault)
        rotation = await lookup_keys.read_rotation(session)
        total = await users.count_users(session) + await phones.count_numbers(session)
    if rotation is None or not rotation.has_former:
        return 0
    bar = ProgressBar("索引 index", total)
    while not await _rehash_step(database, vault, key, bar):
        pass
    async with database.transaction() as session:
        await lookup_keys.finish_rotation(session, key)
    bar.show(total, "完成 done")
    return total


async def _rehash_step(database: Database, vault: Vault, key: IndexKey, bar: ProgressBar) -> bool:
    """Hash the next rows: users first, then numbers. Return whether none is left."""
    async with database.transaction() as session:
        await take_turn(session, INDEX)
        at = await lookup_keys.read_rotation(session)
        if at is None or at.key_id != key.key_id:
            raise OtherRotation
        step = await users.rehash_some(session, vault, key, after=at.users_through, at_most=ROWS_PER_STEP)
        rows: lookup_keys.Rows = "users"
        if step.is_last:
            step = await phones.rehash_some(session, vault, key, after=at.phones_through, at_most=ROWS_PER_STEP)
            rows = "phones"
        if step.through is not None:
            await lookup_keys.record_progress(session, key, rows=rows, through=step.through, count=step.count)
    bar.show(at.rehashed + step.count)
    if not step.count and not step.is_last:  # a request holds the next row
        await asyncio.sleep(_HELD_WAIT_S)
    return step.is_last and rows == "phones"


def sealed_columns(vault: Vault) -> list[Sealed]:
    """Everything that the vault seals."""
    return [
        Sealed(
            "微信号 open ids",
            lambda session: users.count_sealed_otherwise(session, vault),
            lambda session, after, at_most: users.reseal_some(session, vault, after, at_most),
        ),
        Sealed(
            "手机号 phones",
            lambda session: phones.count_sealed_otherwise(session, vault),
            lambda session, after, at_most: phones.reseal_some(session, vault, after, at_most),
        ),
        Sealed(
            "动态码 one-time codes",
            lambda session: operator_accounts.count_sealed_otherwise(session, vault),
            lambda session, after, at_most: operator_accounts.reseal_some(session, vault, after, at_most),
        ),
        Sealed(
            "签名密钥 signing keys",
            lambda session: signing_keys.count_sealed_otherwise(session, vault),
            lambda session, after, at_most: signing_keys.reseal_some(session, vault, after, at_most),
        ),
        *(
            sealed_column(
                title,
                table=f"{SCHEMA}.{table}",
                key=key,
                owner=owner,
                column=column,
                version=vault.seal_version,
                reseal=partial(vault.reseal, kind),
            )
            for title, kind, table, key, owner, column in PLAIN_COLUMNS
        ),
    ]


@app.command()
def index() -> None:
    """换手机号与微信号索引的密钥 Hash open ids and phone numbers under the newest pepper of the settings."""
    done = _run(lambda database, settings: rotate_index(database, vault_of(settings)))
    print(f"已按新密钥索引 {done} 行 rows; 现在可以从配置里去掉旧密钥 the former peppers may leave the settings")


@app.command()
def seal() -> None:
    """换加密密钥 Seal everything with the current key of the settings."""

    async def work(database: Database, settings: Settings) -> int:
        return await seal_anew(database, name=SEAL, columns=sealed_columns(vault_of(settings)))

    print(f"已重新加密 {_run(work)} 行 rows; 现在可以从配置里去掉旧密钥 the former keys may leave the settings")


@app.command()
def signer(
    published_s: Annotated[int, typer.Option(min=1, help="公布多久后开始签名 Seconds between publication and use")] = (
        signing_keys.PUBLISHED_S
    ),
    overlap_s: Annotated[int, typer.Option(min=1, help="旧密钥再公布多久 Seconds the former key stays")] = (
        signing_keys.OVERLAP_S
    ),
    detach: Annotated[bool, typer.Option(help="不等待完成 Do not wait for the end")] = False,
) -> None:
    """换令牌签名密钥 Make a key that signs tokens. Nothing restarts. The times are kept by the running service."""

    async def work(database: Database, settings: Settings) -> None:
        async with database.transaction() as session:
            change = await signing_keys.begin_change(
                session, vault_of(settings), TokenSigner(settings), published_s=published_s, overlap_s=overlap_s
            )
        made = "新密钥 new key" if change.is_new else "轮换已在进行 a rotation is under way:"
        print(f"{made} {change.key_id}\n  签名 signs from     {change.signs_from}\n  旧密钥 former ends  ", end="")
        print(change.former_ends_at)
        if not detach:
            await _watch(database, change)

    _run(work)


async def _watch(database: Database, change: signing_keys.Change) -> None:
    total = max(1, int((change.former_ends_at - change.created_at).total_seconds()))
    bar = ProgressBar("签名 signer", total)
    while True:
        async with database.transaction() as session:
            now = await signing_keys.database_time(session)
        done = int((now - change.created_at).total_seconds())
        bar.show(done, "已公布 published" if now < change.signs_from else "新密钥签名 the new key signs")
        if now >= change.former_ends_at:
            return
        await asyncio.sleep(min(1.0, max(0.05, (change.former_ends_at - now).total_seconds())))


@app.command()
def status() -> None:
    """各密钥的进度 How far the rotations are."""

    async def work(database: Database, settings: Settings) -> list[str]:
        vault = vault_of(settings)
        async with database.transaction() as session:
            rotation = await lookup_keys.read_rotation(session)
            current = rotation.key_id if rotation else vault.index_keys[-1].key_id
            state = "进行中 under way" if rotation and rotation.has_former else "没有轮换 none"
            lines = [f"index   {current}  {state}"]
            for column in sealed_columns(vault):
                left = await column.count_left(session)
                lines.append(f"seal    {column.title}: {left} 行待重新加密 to be sealed anew")
            for one in await signing_keys.read_schedule(session, vault):
                lines.append(f"signer  {one.key_id}  {one.signs_from} – {one.ends_at or ''}")
        return lines

    print("\n".join(_run(work)))


@app.command()
def new(
    what: Annotated[str, typer.Argument(help="pepper | key")],
    number: Annotated[int, typer.Option(min=1, max=255, help="密钥编号 Number of the sealing key")] = 2,
) -> None:
    """生成一个新的配置值 Print a new value for the settings."""
    if what == "pepper":
        print(secrets.token_urlsafe(32))
    elif what == "key":
        print(f"{number}:{base64.b64encode(secrets.token_bytes(32)).decode()}")
    else:
        raise typer.BadParameter("pepper | key")


if __name__ == "__main__":
    app()
