"""The document on changing keys names every column that a key covers, each once and under its key."""

import re
from pathlib import Path

from sqlalchemy import MetaData

from services.accounts import keys
from services.accounts import tables as accounts
from services.ingest import tables as ingest
from services.rewards import tables as rewards

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"
ROW = re.compile(r"^\| (?P<key>[^|]+) \| (?P<columns>[^|]*`[a-z_]+\.[a-z0-9_]+`[^|]*) \| [^|]+ \|$", re.MULTILINE)


def documented() -> list[tuple[str, str]]:
    """Return key and column of every entry of the table."""
    text = PAGE.read_text(encoding="utf-8")
    rows = ROW.finditer(text, text.index("What each key covers"))
    return [
        (row["key"].strip(), column)
        for row in rows
        for column in re.findall(r"`([a-z_]+\.[a-z0-9_]+)`", row["columns"])
    ]


def sealed_columns(metadata: MetaData) -> set[str]:
    return {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.name == "sealed" or column.name.endswith("_sealed")
    }


def under(key: str) -> set[str]:
    return {column for found, column in documented() if found.startswith(key)}


def test_every_sealed_column_is_in_the_document_once() -> None:
    named = [column for _, column in documented()]
    assert len(set(named)) == len(named)
    sealed = {column for column in named if column.endswith("sealed")}
    assert sealed == set().union(*(sealed_columns(one.metadata) for one in (accounts, ingest, rewards)))


def test_every_column_is_under_the_key_that_seals_it() -> None:
    others = {f"{table}.{column}" for table, column in keys.SEALED_BY_OTHER_KEYS}
    assert under("sealing key of accounts") == sealed_columns(accounts.metadata) - others
    assert under("a person's own key") | under("a document's own key") == others
    assert under("sealing key of ingest") == sealed_columns(ingest.metadata)
    assert under("sealing key of rewards") == sealed_columns(rewards.metadata)


def test_every_keyed_hash_of_people_is_in_the_document() -> None:
    keyed = {
        f"{table.name}.{column.name}"
        for table in accounts.metadata.tables.values()
        for column in table.columns
        if column.name in {"openid_hash", "phone_hash", "account_key", "meter_key"}
    }
    assert under("pepper of the index") | under("`ACCOUNTS_ACCOUNT_REF_PEPPER`") == keyed
