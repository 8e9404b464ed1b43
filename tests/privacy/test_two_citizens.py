"""Two citizens × every route with an id: another person's id is answered like an id that nobody has."""

import uuid
from typing import Any

import httpx
import pytest

from tests.contract.personal_data_page import SERVICES
from tests.privacy.city import Citizen, City
from tests.privacy.routes import Operation, operations_of
from tests.privacy.test_leaving import archive_of, live

# What an answer may differ in for two different ids.
_OWN_TO_EACH = {"instance", "request_id"}
# Ids of things that belong to nobody: the catalogue and the like.
NOBODYS = {"item_id", "campaign_id", "code", "version"}


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
        "session_id": await one("SELECT session_id FROM accounts.login_session WHERE user_id = $1"),
        "export_id": await one("SELECT export_id FROM accounts.data_export WHERE user_id = $1"),
        "order_id": await one("SELECT order_id FROM rewards.orders WHERE user_id = $1"),
        "voucher_id": await one("SELECT voucher_id FROM rewards.voucher WHERE user_id = $1"),
        "donation_id": await one("SELECT donation_id FROM rewards.donation WHERE user_id = $1"),
        "activity_id": await of_account("SELECT activity_id FROM accounting.activity WHERE account_id = $1"),
    }


async def ask(ben: Citizen, one: Operation, values: dict[str, str]) -> tuple[int, Any]:
    path = one.filled(values).removeprefix(f"/api/v1/{one.service}")
    answer: httpx.Response = await ben.call(
        one.service,
        one.method.upper(),
        path,
        json=one.body,
        params=dict(one.query),
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    if not answer.content:
        return answer.status_code, None
    body = answer.json()
    return answer.status_code, {name: value for name, value in body.items() if name not in _OWN_TO_EACH}


@pytest.fixture
def with_ids(city: City) -> list[Operation]:
    found = [one for service in SERVICES for one in operations_of(service, city.apps[service])]
    return [one for one in found if one.requires == "citizen" and set(one.parameters) - NOBODYS]


async def test_another_persons_id_is_answered_like_an_unknown_one(city: City, with_ids: list[Operation]) -> None:
    await city.open_shop()
    anna, ben = await live(city), await live(city, "ben-of-two", "13877770044")
    await archive_of(city, anna)
    child = await live(city, "child-of-two", "13877770055")
    await city.admin.execute(_HOLDINGS, anna.user_id, anna.account_id, child.user_id)
    ids = await ids_of(city, anna)
    leaks, asked = [], 0
    for one in with_ids:
        unknown = set(one.parameters) - NOBODYS - ids.keys()
        assert not unknown, f"{one}: name an id of hers for {unknown}"
        hers = await ask(ben, one, ids)
        nobodys = await ask(ben, one, {})
        asked += 1
        if hers != nobodys or hers[0] not in {403, 404, 422}:
            leaks.append(f"{one}: {hers} {nobodys}")
    assert leaks == []
    assert asked >= 10
    # She still has everything.
    after = await ids_of(city, anna)
    assert after == ids
