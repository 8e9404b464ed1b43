"""Two citizens, two enterprises, two roles on every route that names an enterprise or something of one: no leak.

The routes come from the OpenAPI document. A new route with such an id fails the first test until it has a line here.
"""

import re
import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.accounts.conftest import Db, People, Person
from tests.accounts.enterprises import LICENCE, Operators, apply, join, new_uscc, opened, upload
from tests.tokens import TokenFactory

IDS = re.compile(r"\{(enterprise_id|membership_id|document_id|terms_id|mandate_id)\}")
ROOT = "/api/v1/accounts"
# Who of an enterprise may do it, and a body that fits. "any": every member. None: not by the path's enterprise.
ROUTES: dict[tuple[str, str], tuple[str | None, Any]] = {
    ("GET", "/enterprises/{enterprise_id}"): ("any", None),
    ("GET", "/enterprises/{enterprise_id}/members"): ("any", None),
    ("POST", "/enterprises/{enterprise_id}/members"): ("admin", {"account_no": "WH000000000000", "roles": ["viewer"]}),
    ("DELETE", "/enterprises/{enterprise_id}/members/{membership_id}"): ("admin", None),
    ("POST", "/enterprises/{enterprise_id}/close"): ("admin", None),
    ("GET", "/enterprise-documents/{enterprise_id}"): ("admin", None),
    ("POST", "/enterprise-documents/{enterprise_id}"): ("admin", LICENCE),
    ("DELETE", "/enterprise-documents/{enterprise_id}/{document_id}"): ("admin", None),
    ("GET", "/enterprises/{enterprise_id}/mandate-terms"): ("any", None),
    ("POST", "/enterprises/{enterprise_id}/mandate-terms"): (
        "maker",
        {"kind": "benefit", "scenes": ["bus"], "terms_version": "1", "text": "我同意由平台归集。" * 3},
    ),
    ("POST", "/enterprises/{enterprise_id}/mandate-terms/{terms_id}/publish"): ("checker", None),
    ("POST", "/enterprises/{enterprise_id}/mandate-terms/{terms_id}/end"): (
        "checker",
        {"ends_at": "2027-12-31T00:00:00+08:00"},
    ),
    ("POST", "/me/enterprises/{enterprise_id}/accept"): ("any", None),
    ("DELETE", "/me/enterprises/{enterprise_id}"): ("any", None),
    ("GET", "/mandate-terms/{terms_id}"): (None, None),  # published terms are for every citizen
    ("DELETE", "/me/mandates/{mandate_id}"): (None, None),  # tests/accounts/test_mandates.py
}


@pytest.fixture
def operators(client: httpx.AsyncClient, tokens: TokenFactory) -> Operators:
    return Operators(client, tokens)


def routes_with_ids(app: FastAPI) -> set[tuple[str, str]]:
    return {
        (method.upper(), path.removeprefix(ROOT))
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if IDS.search(path) and "/ops/" not in path
    }


def test_every_route_with_an_id_of_an_enterprise_is_in_the_matrix(app: FastAPI) -> None:
    assert routes_with_ids(app) == set(ROUTES)


class House:
    """One enterprise with an administrator, a viewer, terms that wait for a checker, and a document."""

    def __init__(self, admin: Person, viewer: Person, name: str) -> None:
        self.admin, self.viewer, self.name = admin, viewer, name
        self.ids: dict[str, str] = {}

    async def build(self, operators: Operators, maker: Person) -> "House":
        for person in (self.admin, self.viewer):
            await person.step_up()
        enterprise_id = await opened(self.admin, operators, name=self.name, kinds=["pool_owner"], uscc=new_uscc())
        self.ids["enterprise_id"] = enterprise_id
        self.ids["membership_id"] = await join(self.admin, self.viewer, enterprise_id, "viewer", name=self.name)
        await join(self.admin, maker, enterprise_id, "maker")
        (document,) = (await self.admin.call("GET", f"/enterprise-documents/{enterprise_id}")).json()["items"]
        self.ids["document_id"] = document["document_id"]
        _, body = ROUTES["POST", "/enterprises/{enterprise_id}/mandate-terms"]
        written = await maker.call("POST", f"/enterprises/{enterprise_id}/mandate-terms", json=body)
        self.ids["terms_id"] = written.json()["terms_id"]
        self.ids["mandate_id"] = str(uuid.uuid4())
        return self


async def call(person: Person, method: str, path: str, body: Any) -> httpx.Response:
    if isinstance(body, bytes):
        query = f"?kind=other&sha256={'0' * 64}"
        return await person.call(method, path + query, content=body, headers={"Content-Type": "application/pdf"})
    return await person.call(method, path, json=body)


def filled(path: str, ids: dict[str, str]) -> str:
    return IDS.sub(lambda found: ids[found[1]], path)


async def state(db: Db) -> dict[str, str]:
    tables = ("enterprise", "enterprise_member", "enterprise_document", "mandate_terms", "mandate", "outbox")
    return {table: str(sorted(await db.fetch(f"SELECT t::text FROM accounts.{table} t"), key=str)) for table in tables}


@pytest.fixture
async def houses(people: People, operators: Operators) -> tuple[House, House]:
    maker = await people.new()
    first = House(await people.new(), await people.new(), "甲公司-canary")
    second = House(await people.new(), await people.new(), "乙公司-canary")
    return await first.build(operators, maker), await second.build(operators, maker)


async def test_nobody_reads_or_changes_anything_of_the_other_enterprise(houses: tuple[House, House], db: Db) -> None:
    first, second = houses
    before = await state(db)
    tried = 0
    for own, other in ((first, second), (second, first)):
        for person in (own.admin, own.viewer):
            for (method, path), (who, body) in ROUTES.items():
                if who is None:
                    continue
                answer = await call(person, method, filled(path, other.ids), body)
                assert (answer.status_code, answer.json()["code"]) == (404, "ENTERPRISE_NOT_FOUND"), (method, path)
                assert "canary" not in answer.text
                tried += 1
    assert tried == 4 * sum(who is not None for who, _ in ROUTES.values())
    assert await state(db) == before


async def test_ids_of_the_other_enterprise_do_not_open_under_ones_own(houses: tuple[House, House], db: Db) -> None:
    first, second = houses
    before = await state(db)
    for own, other in ((first, second), (second, first)):
        for (method, path), (who, body) in ROUTES.items():
            if who is None or len(IDS.findall(path)) < 2:
                continue
            mixed = {**other.ids, "enterprise_id": own.ids["enterprise_id"]}
            answer = await call(own.admin, method, filled(path, mixed), body)
            # The document route says first that the application is over; a terms route that this is no checker.
            assert answer.status_code in {403, 404, 409}, (method, path, answer.text)
            assert "canary" not in answer.text
    assert await state(db) == before


async def test_a_document_of_another_application_does_not_open_under_ones_own(
    people: People, operators: Operators, db: Db
) -> None:
    anna, bert = await people.new(), await people.new()
    of_anna, of_bert = await apply(anna), await apply(bert)
    document_id = (await upload(bert, of_bert)).json()["document_id"]
    answer = await anna.call("DELETE", f"/enterprise-documents/{of_anna}/{document_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "DOCUMENT_NOT_FOUND")
    read = await operators.call("GET", f"/enterprises/{of_anna}/documents/{document_id}", params={"reason": "核对执照"})
    assert (read.status_code, read.json()["code"]) == (404, "DOCUMENT_NOT_FOUND")
    assert await db.fetchval("SELECT count(*) FROM accounts.enterprise_document") == 1


async def test_a_viewer_only_looks(houses: tuple[House, House], db: Db) -> None:
    own, _ = houses
    before = await state(db)
    for (method, path), (who, body) in ROUTES.items():
        if who in {None, "any"}:
            continue
        answer = await call(own.viewer, method, filled(path, own.ids), body)
        assert (answer.status_code, answer.json()["code"]) == (403, "ENTERPRISE_ROLE_REQUIRED"), (method, path)
    assert await state(db) == before
    for path in ("/enterprises/{enterprise_id}", "/enterprises/{enterprise_id}/members"):
        assert (await own.viewer.call("GET", filled(path, own.ids))).status_code == 200


async def test_without_a_citizens_token_no_route_answers(
    houses: tuple[House, House], client: httpx.AsyncClient, tokens: TokenFactory, db: Db
) -> None:
    own, _ = houses
    before = await state(db)
    for method, path in ROUTES:
        target = ROOT + filled(path, own.ids)
        assert (await client.request(method, target)).status_code == 401, (method, path)
        answer = await client.request(method, target, headers=tokens.operator())
        assert answer.status_code == 403, (method, path)
    assert await state(db) == before
