"""The register of personal data is complete: every table of the catalogue, every column that names a person, every
topic."""

import re
from collections.abc import Mapping

import asyncpg
import msgspec
import pytest

from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.consents_v1 import ConsentChanged
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseMemberChanged
from shared.contracts.erasures_v1 import ErasureAnswered, ErasureAsked, EventsErased
from shared.contracts.freezes_v1 import FreezeChanged
from shared.contracts.households_v1 import CardChanged, MembershipChanged, MeterChanged, RuleChanged
from shared.contracts.mandates_v1 import MandateChanged
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.personal_data import TOPICS
from shared.contracts.rewards_v1 import (
    CertificateRevoked,
    DonationMade,
    OrderCancelled,
    OrderConfirmed,
    VouchersExpiring,
)
from shared.language import Text
from shared.personal_data import Erasure, Kept, nobody, user
from tests.contract.personal_data_page import PAGE, SERVICES, page, register
from tests.databases import Dsns, make_database

# Columns whose name says that they hold an id, a keyed hash or a sealed value of a person or account.
PERSONAL = re.compile(
    r"(^|_)(user_id|account_id|account_no|owner_id|opened_by|invited_by|holder_id|member_id|openid|phone|nickname"
    r"|account_key|meter_key|subject_id)(_|$)"
)
# `phone_pepper_sealed` of a partner is the partner's secret.
NOT_OF_PEOPLE = {("ingest", "partner", "phone_pepper_sealed")}
MESSAGES: Mapping[str, tuple[type[msgspec.Struct], ...]] = {
    topics.ACTIVITIES: (ActivityReported,),
    topics.BINDINGS: (BindingChanged,),
    topics.HOUSEHOLDS: (MembershipChanged, MeterChanged, RuleChanged, CardChanged),
    topics.CONSENTS: (ConsentChanged,),
    topics.ENTERPRISES: (EnterpriseChanged, EnterpriseMemberChanged),
    topics.MANDATES: (MandateChanged,),
    topics.OUTCOMES: (ActivityJudged,),
    topics.FREEZES: (FreezeChanged,),
    topics.REWARDS: (OrderConfirmed, OrderCancelled, DonationMade, VouchersExpiring, CertificateRevoked),
    topics.ERASURES: (ErasureAsked,),
    topics.ACCOUNTING_ERASURES: (EventsErased, ErasureAnswered),
    topics.INGEST_ERASURES: (ErasureAnswered,),
    topics.REWARDS_ERASURES: (ErasureAnswered,),
}
Catalogue = Mapping[str, Mapping[str, set[str]]]


@pytest.fixture(scope="module")
def dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "register_test", SERVICES)


@pytest.fixture
async def catalogue(dsns: Dsns) -> Catalogue:
    """The columns of every table by schema, as the database lists them. Partitions belong to their table."""
    connection = await asyncpg.connect(dsns.admin)
    try:
        rows = await connection.fetch(
            "SELECT n.nspname AS schema, c.relname AS name, array_agg(a.attname::text) AS columns FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"
            " AND n.nspname = ANY($1) GROUP BY 1, 2",
            list(SERVICES),
        )
    finally:
        await connection.close()
    found: dict[str, dict[str, set[str]]] = {service: {} for service in SERVICES}
    for row in rows:
        found[row["schema"]][row["name"]] = set(row["columns"])
    return found


def gaps(catalogue: Catalogue, registers: Mapping[str, Mapping[str, Kept]]) -> list[str]:
    """Every table and personal column without an entry, and every entry that names what the catalogue has not."""
    found = []
    for schema, tables in catalogue.items():
        kept = registers[schema]
        found += [f"{schema}.{name} has no entry" for name in tables.keys() - kept.keys()]
        found += [f"{schema}.{name} is no table" for name in kept.keys() - tables.keys()]
        for name, entry in kept.items():
            columns = tables.get(name, set())
            named = {link.column for link in entry.by} | entry.hidden | entry.clear.keys() | entry.names
            found += [f"{schema}.{name}.{column} is no column" for column in sorted(named - columns)]
            found += [
                f"{schema}.{name}.{column} names a person without an entry"
                for column in sorted(columns - named)
                if PERSONAL.search(column) and (schema, name, column) not in NOT_OF_PEOPLE
            ]
            found += [
                f"{schema}.{name} finds nobody through {link.through}"
                for link in entry.by
                if link.through and link.through_column not in tables.get(link.through, set())
            ]
    return found


async def test_every_table_and_every_column_that_names_a_person_has_an_entry(catalogue: Catalogue) -> None:
    assert gaps(catalogue, {service: register(service) for service in SERVICES}) == []


async def test_planted_gaps_in_the_register_are_found(catalogue: Catalogue) -> None:
    registers = {service: register(service) for service in SERVICES}
    less = {name: kept for name, kept in registers["accounts"].items() if name != "phone"}
    text = Text("", "")
    blind = {**registers["accounts"], "binding_token": nobody(text), "planted": nobody(text)}
    assert gaps(catalogue, {**registers, "accounts": less}) == ["accounts.phone has no entry"]
    assert gaps(catalogue, {**registers, "accounts": blind}) == [
        "accounts.planted is no table",
        "accounts.binding_token.user_id names a person without an entry",
    ]


def test_entries_are_consistent() -> None:
    for service in SERVICES:
        for name, kept in register(service).items():
            assert (kept.erasure is Erasure.CLEAR) == bool(kept.clear), (service, name)
            assert kept.erasure is not Erasure.DELETE or kept.by, (service, name)
            if kept.erasure is Erasure.NOTHING:
                assert not kept.is_personal, (service, name)
    assert user().column == "user_id"


def test_every_topic_has_an_entry_that_names_its_ids_of_people() -> None:
    assert TOPICS.keys() == topics.PARTITIONS.keys()
    for topic, types in MESSAGES.items():
        fields = {field.name for type_ in types for field in msgspec.structs.fields(type_)}
        assert set(TOPICS[topic].by) == {name for name in fields if PERSONAL.search(name)}, topic


def test_the_page_of_the_register_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run make personal-data"
