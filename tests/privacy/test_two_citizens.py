"""Two citizens, two enterprises, every role × every route with an id: no leak, directly and through the gateway.

Another one's id is answered exactly like an id that nobody has.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx
import pytest

from tests.accounts.enterprises import LICENCE
from tests.privacy.city import Citizen, City
from tests.privacy.houses import ROLES, House, build_house
from tests.privacy.routes import Operation, declared
from tests.privacy.test_families import open_card
from tests.privacy.test_leaving import archive_of, everything, live, names
from tests.privacy.ways import Way

# What an answer may differ in for two different ids.
_OWN_TO_EACH: Final = {"instance", "request_id"}
# Ids of things that belong to nobody, as the catalogue, or that everybody may look up, as a certificate.
NOBODYS: Final = {"item_id", "campaign_id", "certificate_no", "code", "version"}
OF_ENTERPRISES: Final = {"enterprise_id", "membership_id", "document_id", "terms_id"}
# Bodies that are no JSON.
CONTENTS: Final[dict[str, dict[str, Any]]] = {
    "POST /api/v1/accounts/enterprise-documents/{enterprise_id}": {
        "content": LICENCE,
        "params": {"kind": "other", "sha256": "0" * 64},
        "headers": {"Content-Type": "application/pdf"},
    }
}


# An enterprise of hers with a document, terms and a mandate, and a child whose guardian she is.
_HOLDINGS = """
WITH enterprise AS (
    INSERT INTO accounts.enterprise (enterprise_id, uscc, name, kinds, status, applied_by, applied_at, approved_at,
        version, changed_at)
    VALUES (gen_random_uuid(), '914201007071000009', '江城会展有限公司', '["pool_owner"]', 'active', $1, now(), now(),
        1, now()) RETURNING enterprise_id AS id),
member AS (
    INSERT INTO accounts.enterprise_member (membership_id, enterprise_id, user_id, account_id, roles, version,
        invited_at, accepted_at, changed_at)
    SELECT gen_random_uuid(), id, $1, $2, '["admin"]', 1, now(), now(), now() FROM enterprise),
document AS (
    INSERT INTO accounts.enterprise_document (document_id, enterprise_id, kind, media_type, size_bytes, sha256,
        key_sealed, uploaded_by, uploaded_at)
    SELECT gen_random_uuid(), id, 'other', 'application/pdf', 1, repeat('0', 64), '', $1, now() FROM enterprise),
terms AS (
    INSERT INTO accounts.mandate_terms (terms_id, platform_id, kind, scenes, terms_version, text, sha256, made_by,
        made_at)
    SELECT gen_random_uuid(), id, 'benefit', '["bus"]', '1', '-', repeat('0', 64), $1, now() FROM enterprise
    RETURNING terms_id, platform_id),
mandate AS (
    INSERT INTO accounts.mandate (mandate_id, user_id, account_id, platform_id, terms_id, kind, scenes, terms_version,
        terms_sha256, accepted_at, version, changed_at)
    SELECT gen_random_uuid(), $1, $2, platform_id, terms_id, 'benefit', '["bus"]', '1', repeat('0', 64), now(), 1, now()
    FROM terms)
INSERT INTO accounts.guardianship (guardianship_id, ward_id, guardian_id, since)
VALUES (gen_random_uuid(), $3, $1, now())"""


_AGREEMENT = """
INSERT INTO accounting.agreement (agreement_id, household_id, proposed_by, about, amount_mg, created_at, expires_at)
SELECT gen_random_uuid(), household_id, account_id, 'order:reganmian', 1, now(), now() + interval '1 day'
FROM accounting.household_member WHERE account_id = $1"""

_LOAN = """
WITH lender AS (
    INSERT INTO rewards.bank (bank_id, name_zh, name_en, budget_id, fen_per_kg, month_fen, answer_hours)
    SELECT 'bank-of-two', '银行', 'Bank', budget_id, 200, 20000, 48 FROM rewards.budget LIMIT 1
    RETURNING bank_id, budget_id)
INSERT INTO rewards.loan_offset (offset_id, user_id, account_id, amount_mg, capture_to, status, idempotency_key,
    request_id, language, settled_at, next_attempt_at, bank_id, quote_id, budget_id, cost_fen, month, answer_hours)
SELECT gen_random_uuid(), $1, $2, 5000, 'redeemed:bank', 'confirmed', 'key-of-a-loan', 'r', 'zh', now(), now(),
    bank_id, 'Q-of-two', budget_id, 1, '2026-11', 48 FROM lender"""


async def ids_of(city: City, anna: Citizen) -> dict[str, str]:
    """One real id of hers for each parameter of a path."""
    admin = city.admin

    async def one(sql: str) -> str:
        found = await admin.fetchval(sql, anna.user_id)
        assert found is not None, sql
        return str(found)

    async def of_account(sql: str) -> str:
        found = await admin.fetchval(sql, anna.account_id)
        assert found is not None, sql
        return str(found)

    return {
        "binding_id": await one("SELECT binding_id FROM accounts.binding WHERE user_id = $1"),
        "household_id": await one("SELECT household_id FROM accounts.household_member WHERE user_id = $1"),
        "enterprise_id": await one("SELECT enterprise_id FROM accounts.enterprise WHERE applied_by = $1"),
        "membership_id": await one("SELECT membership_id FROM accounts.enterprise_member WHERE user_id = $1"),
        "document_id": await one("SELECT document_id FROM accounts.enterprise_document WHERE uploaded_by = $1"),
        "terms_id": await one("SELECT terms_id FROM accounts.mandate_terms WHERE made_by = $1"),
        "mandate_id": await one("SELECT mandate_id FROM accounts.mandate WHERE user_id = $1"),
        "ward_id": await one("SELECT ward_id FROM accounts.guardianship WHERE guardian_id = $1"),
        "member_id": await one("SELECT membership_id FROM accounts.household_member WHERE user_id = $1"),
        "card_id": await one("SELECT card_id FROM accounts.family_card WHERE proxy_user_id = $1"),
        "agreement_id": await of_account("SELECT agreement_id FROM accounting.agreement WHERE proposed_by = $1"),
        "session_id": await one("SELECT session_id FROM accounts.login_session WHERE user_id = $1"),
        "export_id": await one("SELECT export_id FROM accounts.data_export WHERE user_id = $1"),
        "order_id": await one("SELECT order_id FROM rewards.orders WHERE user_id = $1"),
        "voucher_id": await one("SELECT voucher_id FROM rewards.voucher WHERE user_id = $1"),
        "donation_id": await one("SELECT donation_id FROM rewards.donation WHERE user_id = $1"),
        "offset_id": await one("SELECT offset_id FROM rewards.loan_offset WHERE user_id = $1"),
        "standing_order_id": await one("SELECT standing_order_id FROM rewards.standing_order WHERE user_id = $1"),
        "activity_id": await of_account("SELECT activity_id FROM accounting.activity WHERE account_id = $1"),
    }


Ids = Mapping[str, str]


async def ask(ben: Citizen, one: Operation, values: Ids) -> tuple[int, Any]:
    path = one.filled(values).removeprefix(f"/api/v1/{one.service}")
    sent = CONTENTS.get(str(one), {"json": one.body, "params": dict(one.query)})
    headers = {"Idempotency-Key": str(uuid.uuid4()), **sent.get("headers", {})}
    answer: httpx.Response = await ben.call(one.service, one.method.upper(), path, **{**sent, "headers": headers})
    if not answer.content:
        return answer.status_code, None
    body = answer.json()
    return answer.status_code, {name: value for name, value in body.items() if name not in _OWN_TO_EACH}


def pairs(one: Operation, own: Ids, other: Ids) -> Iterator[tuple[Ids, Ids]]:
    """Ids of another one beside ids that nobody has: all of them, and those behind an id of one's own."""
    wanted = [name for name in one.parameters if name not in NOBODYS]
    unknown = set(wanted) - other.keys()
    assert not unknown, f"{one}: name an id for {unknown}"
    yield other, {}
    for kept in range(1, len(wanted)):
        first = {name: own[name] for name in wanted[:kept]}
        yield {**other, **first}, first


async def leaks_of(person: Citizen, one: Operation, own: Ids, other: Ids) -> list[str]:
    found = []
    for theirs, nobodys in pairs(one, own, other):
        answered, unknown = await ask(person, one, theirs), await ask(person, one, nobodys)
        # Another status would mean that the request was refused before the id was looked at.
        if answered != unknown or answered[0] not in {403, 404, 409}:
            found.append(f"{one}: {answered} {unknown}")
    return found


async def rows_of(city: City, *owners: Ids) -> dict[str, list[str]]:
    """Every row that names one of the ids, by table."""
    ids = {value for ids in owners for value in ids.values()}
    return {
        f"{schema}.{table}": sorted(str(row) for row in found if names(row, ids))
        for schema, tables in (await everything(city)).items()
        for table, found in tables.items()
    }


@pytest.fixture
def with_ids(city: City) -> list[Operation]:
    found = declared(city.apps)
    return [one for one in found if one.requires == "citizen" and set(one.parameters) - NOBODYS]


async def test_another_persons_id_is_answered_like_an_unknown_one(way: Way, with_ids: list[Operation]) -> None:
    city = way.city
    await city.open_shop()
    anna, ben = await live(city), await live(city, "ben-of-two", "13877770044")
    await archive_of(city, anna)
    child = await live(city, "child-of-two", "13877770055")
    await city.admin.execute(_HOLDINGS, anna.user_id, anna.account_id, child.user_id)
    await city.admin.execute(_AGREEMENT, anna.account_id)
    await city.admin.execute(_LOAN, anna.user_id, anna.account_id)
    await open_card(city, anna)
    ids = await ids_of(city, anna)
    own = {
        "household_id": str(
            await city.admin.fetchval(
                "SELECT household_id FROM accounts.household_member WHERE user_id = $1", ben.user_id
            )
        ),
        "card_id": (await open_card(city, ben))["card_id"],
        "enterprise_id": str(
            await city.admin.fetchval(
                "SELECT enterprise_id FROM accounts.enterprise WHERE applied_by = $1 AND status = 'active'", ben.user_id
            )
        ),
    }
    before = await rows_of(city, ids)
    leaks = [leak for one in with_ids for leak in await leaks_of(ben, one, own, ids)]
    assert leaks == []
    assert len(with_ids) > 40
    # She still has everything, as it was.
    assert await ids_of(city, anna) == ids
    assert await rows_of(city, ids) == before


async def test_no_role_in_one_enterprise_opens_anything_of_another(way: Way, with_ids: list[Operation]) -> None:
    routes = [one for one in with_ids if set(one.parameters) & OF_ENTERPRISES]
    first, second = await build_house(way.city, "first"), await build_house(way.city, "second")
    before = await rows_of(way.city, first.ids, second.ids)
    leaks = []
    for own, other in ((first, second), (second, first)):
        for role in ROLES:
            for one in routes:
                leaks += [
                    f"{role} {leak}" for leak in await leaks_of(own.people[role].citizen, one, own.ids, other.ids)
                ]
    assert leaks == []
    assert len(routes) > 14
    assert await rows_of(way.city, first.ids, second.ids) == before


async def test_members_of_an_enterprise_see_it_and_strangers_do_not(inside: Way) -> None:
    """The ids of the test above are right: each opens something for a member of its own enterprise."""
    house: House = await build_house(inside.city, "third")
    stranger = await inside.city.citizen("stranger")
    root = f"/enterprises/{house.ids['enterprise_id']}"
    for role in ROLES:
        for service, path in (("accounts", root), ("accounts", f"{root}/members"), ("accounting", f"{root}/balance")):
            seen = await house.people[role].citizen.call(service, "GET", path)
            assert seen.status_code == 200, (role, path, seen.text)
            assert (await stranger.call(service, "GET", path)).status_code == 404, path
    published = await house.people["checker"].call("POST", f"{root}/mandate-terms/{house.ids['terms_id']}/publish")
    assert published.status_code == 200, published.text
