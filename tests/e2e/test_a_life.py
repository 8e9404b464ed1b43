"""A citizen's life over the gateway, from the first log-in to the erasure, on one stack."""

import asyncio
from collections.abc import Iterator

import pytest

from deploy.demo.life import leaving, wechat
from shared.personal_data import Erasure
from tests.contract.personal_data_page import SERVICES, register
from tests.e2e import lived, own_rows, traces
from tests.e2e.lived import Evidence
from tests.e2e.stack import LocalStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

# What an erasure may leave where it names a person by an id only.
_MAY_STAY = frozenset({Erasure.PSEUDONYM, Erasure.CLEAR, Erasure.RETAIN, Erasure.EXPIRE})
# Sealed values that belong to the household and to the enterprise, which go on.
_OF_OTHERS = frozenset(
    {
        "accounts.household.name_sealed",
        "accounts.enterprise_document.key_sealed",
        "accounts.enterprise_document_piece.sealed",
    }
)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    directory = tmp_path_factory.mktemp("life")
    stack = LocalStack(directory / "run", port_offset=24_000, log="embedded", environment={"API_PROCESSES": "1"})
    stack.up()
    try:
        yield asyncio.run(lived.live(stack, directory))
    finally:
        stack.clean()


def test_a_citizen_lives_through_everything(evidence: Evidence) -> None:
    told = evidence.told
    assert told["credited"] == 4
    assert told["order"] == "confirmed"
    assert told["message"]["thing1"] == "5.00 千克"
    assert told["household"] == ["confirmed", "confirmed"]
    assert told["withdrawn"] == "CONSENT_WITHDRAWN"
    assert [one["steps"] for one in told["steps"]] == [wechat.STEPS]
    assert told["steps_verdict"]["status"] == "credited"
    assert told["enterprise_members"] == 2
    assert told["erasure"] in {"running", "done"}


def test_the_export_holds_every_row_of_theirs_in_every_schema(evidence: Evidence) -> None:
    archive = leaving.tables_of(evidence.archive)
    missing, differing, count = [], [], 0
    for schema in SERVICES:
        before = own_rows.promised(schema, evidence.rows_before, evidence.ids)
        after = own_rows.promised(schema, evidence.rows_after_export, evidence.ids)
        for table in register(schema):
            exported = archive[schema].get(table, [])
            count += len(exported)
            # The export itself changes a few rows: its own, a count of uses, the message that it is ready.
            steady = [row for row in before[table] if row in after[table]]
            missing += [f"{schema}.{table} {row}" for row in steady if row not in exported]
            if not len(steady) <= len(exported) <= max(len(before[table]), len(after[table])):
                differing.append(
                    f"{schema}.{table}: {len(before[table])}, {len(after[table])}, {len(exported)} exported"
                )
    assert missing == []
    assert differing == []
    assert count > 100
    assert list(own_rows.unexplained(evidence.rows_before, evidence.ids)) == []
    for schema, table in (
        ("accounts", "binding"), ("accounts", "consent_change"), ("accounts", "enterprise_member"),
        ("accounts", "family_card"), ("accounts", "household_member"), ("accounts", "message"),
        ("accounts", "steps_reported"), ("accounting", "activity"), ("accounting", "family_spend"),
        ("accounting", "posting"), ("ingest", "reported_event"), ("rewards", "orders"), ("rewards", "voucher"),
    ):  # fmt: skip
        assert archive[schema][table], f"{schema}.{table}"


def test_the_export_opens_what_is_sealed_for_its_person(evidence: Evidence) -> None:
    accounts = leaving.tables_of(evidence.archive)["accounts"]
    known = evidence.canaries
    assert accounts["phone_number"] == [{"phone": f"+86{known['phone']}"}]
    assert {(one["nickname"], one["household_name"]) for one in accounts["household_stay"]} == {
        (known["nickname"], known["home"])
    }
    assert {one["contact"]["name"] for one in accounts["enterprise_application"]} == {known["contact"]}
    assert {one["label"] for one in accounts["family_card_in_care"]} == {known["card"]}


def test_after_the_erasure_no_table_and_no_topic_names_the_person(evidence: Evidence) -> None:
    # The search finds what may be readable: in text, in JSON, and in the bytes of the topics.
    controls = traces.tables_with(evidence.tables_after, evidence.controls)
    assert "accounts.enterprise" in controls["company"]
    assert {"ingest.reported_event", "eventlog.record"} <= controls["event"]
    own = {"account_no": evidence.ids.account_no}
    assert "accounts.carbon_account" in traces.tables_with(evidence.tables_before, own)["account_no"]
    assert traces.tables_with(evidence.tables_before, evidence.canaries) == {}, "sealed or hashed at any time"
    assert traces.tables_with(evidence.tables_after, {**evidence.canaries, **own}) == {}


def test_after_the_erasure_no_log_and_no_other_file_names_the_person(evidence: Evidence) -> None:
    found = dict(evidence.files_after)
    assert any(name.endswith(".log") for name in found.pop("erasure")), "the search reads logs"
    assert found.pop("company"), "the search reads the files of the database"
    assert found.pop("event")
    assert found == {}


def test_what_stays_names_an_id_that_leads_to_nobody(evidence: Evidence) -> None:
    ids = {evidence.ids.user_id, evidence.ids.account_id}
    kept = set()
    for schema in SERVICES:
        for table, rows in evidence.rows_after[schema].items():
            if any(own_rows.columns_with(row, ids) for row in rows):
                assert register(schema)[table].erasure in _MAY_STAY, f"{schema}.{table}"
                kept.add(f"{schema}.{table}")
    assert {"accounting.posting", "accounting.activity"} <= kept
    assert evidence.erasure["waiting_for"] == []
    assert all(row["user_id"] is None for row in evidence.rows_after["accounts"]["erasure"])
    acts = [row for row in evidence.rows_after["accounting"]["activity"] if row["account_id"] in ids]
    assert acts
    assert [row["act"] for row in acts] == [None] * len(acts)


def test_ciphertexts_are_gone_with_the_keys_that_opened_them(evidence: Evidence) -> None:
    assert evidence.opened_before == evidence.archive, "the person's key opened the archive"
    for table in ("person_key", "app_user", "phone", "export_archive"):
        rows = evidence.rows_after["accounts"][table]
        assert not any(own_rows.columns_with(row, evidence.ids.own) for row in rows), table
    sealed = own_rows.sealed_values(evidence.rows_after_export, evidence.ids)
    assert {"accounts.app_user.openid_sealed", "accounts.phone.phone_sealed", "accounts.person_key.key_sealed"} <= set(
        sealed
    )
    everything = "\n".join(evidence.tables_after.values())
    left = {place for place, values in sealed.items() if any(one.removeprefix("\\x") in everything for one in values)}
    assert left <= _OF_OTHERS


def test_the_ledger_balances_and_every_proof_still_verifies(evidence: Evidence) -> None:
    assert evidence.ledger["ok"] is True
    assert evidence.proofs_after == evidence.proofs_before
    own, others = set(evidence.own_credits), evidence.verified.keys() - {"ledger", *evidence.own_credits}
    assert own, "proofs that the person took along"
    assert len(others) == 2, "the spouse's and the neighbour's"
    assert own | others | {"ledger"} == evidence.verified.keys()
    assert [output for code, output in evidence.verified.values() if code != 0] == []
