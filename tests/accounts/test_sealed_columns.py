"""Every sealed column is part of the rotation of sealing keys."""

import uuid
from typing import Any

import pytest
from pydantic import SecretStr

from services.accounts import keys
from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from services.accounts.tables import metadata
from services.accounts.vault import Vault
from shared.sealing import SealBroken
from tests.accounts.conftest import Db, People
from tests.accounts.rotating import SECOND_KEY, changed, seal_all

# Rooms with a rotation of their own: look-up hashes or places differ there.
_OF_ROOMS = {
    ("app_user", "openid_sealed"),
    ("phone", "phone_sealed"),
    ("operator_account", "totp_sealed"),
    ("signing_key", "private_sealed"),
}
_DOCUMENT = (
    "INSERT INTO accounts.enterprise_document (document_id, enterprise_id, kind, media_type, size_bytes, sha256,"
    " key_sealed, uploaded_by, uploaded_at) VALUES ($1, $2, 'other', 'image/png', 1, $3, $4, $5, now())"
)


def test_every_sealed_column_is_rotated_or_says_which_key_seals_it() -> None:
    sealed = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if column.name == "sealed" or column.name.endswith("_sealed")
    }
    rotated = {(table, column) for _, _, table, _, _, column in keys.PLAIN_COLUMNS}
    assert sealed == rotated | _OF_ROOMS | keys.SEALED_BY_OTHER_KEYS.keys()
    assert len(keys.sealed_columns(vault_stub())) == len(_OF_ROOMS) + len(rotated)


def vault_stub() -> Any:
    class Stub:
        seal_version = 1

        def reseal(self) -> None: ...

    return Stub()


@pytest.fixture
async def rows(settings: Settings, people: People, db: Db) -> dict[str, tuple[uuid.UUID, uuid.UUID]]:
    """One row of each column, with its key and place, sealed with the first key. The values are those of the kind."""
    anna = await people.new("anna")
    vault = vault_of(settings)
    ids = {name: uuid.uuid4() for name in ("enterprise", "enterprise_member", "enterprise_document", "partner_grant")}
    ids |= {name: uuid.uuid4() for name in ("household", "household_member", "family_card")}
    ids |= {"text_check": uuid.uuid4(), "declared_age": anna.user_id, "person_key": anna.user_id}
    by_user = {"partner_grant", "text_check"}
    found = {name: (key, anna.user_id if name in by_user else key) for name, key in ids.items()}
    sealed = {table: vault.seal(kind, found[table][1], "canary") for _, kind, table, _, _, _ in keys.PLAIN_COLUMNS}
    enterprise, user = ids["enterprise"], anna.user_id
    account = uuid.UUID(anna.account["account_id"])
    await db.execute(
        "INSERT INTO accounts.enterprise (enterprise_id, uscc, name, kinds, contact_sealed, status, applied_by,"
        " applied_at, version, changed_at) VALUES ($1, 'x', 'x', '[]', $2, 'applied', $3, now(), 0, now())",
        enterprise, sealed["enterprise"], user,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO accounts.enterprise_member (membership_id, enterprise_id, user_id, account_id, roles, name_sealed,"
        " version, invited_at, changed_at) VALUES ($1, $2, $3, $4, '[\"viewer\"]', $5, 0, now(), now())",
        ids["enterprise_member"], enterprise, user, account, sealed["enterprise_member"],
    )  # fmt: skip
    await db.execute(_DOCUMENT, ids["enterprise_document"], enterprise, "0" * 64, sealed["enterprise_document"], user)
    await db.execute(
        "INSERT INTO accounts.partner_grant (grant_id, user_id, partner_id, tokens_sealed, created_at, revoke_at,"
        " attempts) VALUES ($1, $2, 'didi', $3, now(), now(), 0)",
        ids["partner_grant"], user, sealed["partner_grant"],
    )  # fmt: skip
    await db.execute(
        "INSERT INTO accounts.declared_age (user_id, account_id, turns_14_sealed) VALUES ($1, $2, $3)",
        user, account, sealed["declared_age"],
    )  # fmt: skip
    await db.execute(
        "INSERT INTO accounts.person_key (user_id, key_sealed, created_at) VALUES ($1, $2, now())",
        user, sealed["person_key"],
    )  # fmt: skip
    await db.execute(
        "INSERT INTO accounts.text_check (check_id, user_id, kind, text_hash, text_sealed, label, status, created_at)"
        " VALUES ($1, $2, 'household_name', '', $3, 1, 'waiting', now())",
        ids["text_check"], user, sealed["text_check"],
    )  # fmt: skip
    await _add_family(db, ids, sealed, user, account)
    return found


async def _add_family(
    db: Db, ids: dict[str, uuid.UUID], sealed: dict[str, bytes], user: uuid.UUID, account: uuid.UUID
) -> None:
    await db.execute(
        "INSERT INTO accounts.household (household_id, opened_by, owner_id, name_sealed, opened_at)"
        " VALUES ($1, $2, $2, $3, now())",
        ids["household"], user, sealed["household"],
    )  # fmt: skip
    await db.execute(
        "INSERT INTO accounts.household_member (membership_id, household_id, user_id, account_id, version, joined_at,"
        " nickname_sealed, changed_at) VALUES ($1, $2, $3, $4, 1, now(), $5, now())",
        ids["household_member"], ids["household"], user, account, sealed["household_member"],
    )  # fmt: skip
    await db.execute(
        "INSERT INTO accounts.family_card (card_id, user_id, kind, proxy_user_id, label_sealed, limit_mg, version,"
        " opened_at, opened_through, changed_at) VALUES ($1, $2, 'paper', $3, $4, 0, 1, now(), 'proxy', now())",
        ids["family_card"], uuid.uuid4(), user, sealed["family_card"],
    )  # fmt: skip


async def read_all(db: Db, vault: Vault, rows: dict[str, tuple[uuid.UUID, uuid.UUID]]) -> list[str]:
    found = []
    for _, kind, table, key, _, column in keys.PLAIN_COLUMNS:
        own, place = rows[table]
        sealed = await db.fetchval(f"SELECT {column} FROM accounts.{table} WHERE {key} = $1", own)
        found.append(vault.unseal(kind, place, sealed))
    return found


async def test_after_the_rotation_the_new_key_alone_opens_every_column(
    settings: Settings, db: Db, rows: dict[str, tuple[uuid.UUID, uuid.UUID]]
) -> None:
    first = settings.phone_encryption_key.get_secret_value()
    alone = vault_of(changed(settings, phone_encryption_key=SecretStr(SECOND_KEY)))
    both = changed(
        settings, phone_encryption_key=SecretStr(SECOND_KEY), phone_encryption_keys_former=SecretStr(f"1:{first}")
    )
    with pytest.raises(SealBroken):
        await read_all(db, alone, rows)
    assert await seal_all(both) == len(rows) + 1  # and the open id
    assert await seal_all(both) == 0
    assert await read_all(db, alone, rows) == ["canary"] * len(rows)
