"""A person sees that an operator looked, and why an account is frozen, and may ask."""

import httpx
from fastapi import FastAPI

from services.accounts.exports.opened import opened_page
from shared.contracts.identity import person_account_id
from tests.accounts.conftest import BASE, Db, People, code_of
from tests.accounts.test_freezes import FakeAccounting, accounting
from tests.tokens import TokenFactory

__all__ = ["accounting"]


async def test_a_person_sees_look_ups_without_the_operators_name(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory
) -> None:
    anna, ben = await people.new(), await people.new()
    assert (await anna.call("GET", "/me/look-ups")).json()["items"] == []
    path = f"{BASE}/ops/accounts/{anna.account['account_no']}?reason=ticket 42"
    for kind in ("complaint", "fraud_check"):
        seen = await client.get(f"{path}&reason_kind={kind}", headers=tokens.operator(subject="mr-wang"))
        assert seen.status_code == 200, seen.text
    answer = await anna.call("GET", "/me/look-ups?limit=1")
    page = answer.json()
    assert [(one["role"], one["reason_kind"]) for one in page["items"]] == [("operator", "fraud_check")]
    rest = (await anna.call("GET", f"/me/look-ups?cursor={page['next_cursor']}")).json()
    assert [one["reason_kind"] for one in rest["items"]] == ["complaint"]
    assert "mr-wang" not in answer.text
    assert "ticket" not in answer.text
    assert (await ben.call("GET", "/me/look-ups")).json()["items"] == []


async def test_a_frozen_account_is_told_since_when_and_why(people: People, accounting: FakeAccounting) -> None:
    anna = await people.new()
    assert (await anna.call("GET", "/me")).json()["freeze"] is None
    accounting.frozen.add(person_account_id(anna.user_id))
    accounting.reason = "partner_report"
    freeze = (await anna.call("GET", "/me")).json()["freeze"]
    assert freeze["since"] == "2026-11-27T16:00:00+08:00"
    assert freeze["reason_code"] == "partner_report"
    assert freeze["reason"].startswith("合作方")


async def test_a_question_about_a_freeze_is_answered_by_an_operator(
    app: FastAPI,
    client: httpx.AsyncClient,
    people: People,
    accounting: FakeAccounting,
    tokens: TokenFactory,
    db: Db,
) -> None:
    anna = await people.new()
    asked = await anna.call("POST", "/me/freeze-questions", json={"text": "为什么冻结 canary-question"})
    assert code_of(asked) == (409, "ACCOUNT_NOT_FROZEN")
    accounting.frozen.add(person_account_id(anna.user_id))
    asked = await anna.call("POST", "/me/freeze-questions", json={"text": "为什么冻结 canary-question"})
    assert asked.status_code == 201, asked.text
    stored = await db.fetchval("SELECT text_sealed FROM accounts.freeze_question")
    assert b"canary" not in stored
    desk = tokens.operator("ops:accounts", subject="ms-li")
    [queued] = (await client.get(f"{BASE}/ops/freeze-questions", headers=desk)).json()["items"]
    assert queued["text"] == "为什么冻结 canary-question"
    path = f"{BASE}/ops/freeze-questions/{queued['question_id']}/answer"
    answered = await client.post(path, json={"text": "核实完毕"}, headers=desk)
    assert answered.status_code == 200, answered.text
    assert code_of(await client.post(path, json={"text": "再答一次"}, headers=desk)) == (409, "QUESTION_ANSWERED")
    [own] = (await anna.call("GET", "/me/freeze-questions")).json()["items"]
    assert (own["answer"], "account_id" in own) == ("核实完毕", False)
    resources = app.state.resources
    async with app.state.db.transaction() as session:
        exported = await opened_page(session, settings=resources.settings, vault=resources.vault, user_id=anna.user_id)
    [row] = [one.row for one in exported.rows if one.table == "question_about_freeze"]
    assert (row["question"], row["answer"]) == ("为什么冻结 canary-question", "核实完毕")
    assert (await client.get(f"{BASE}/ops/freeze-questions", headers=desk)).json()["items"] == []
    for _ in range(2):
        await anna.call("POST", "/me/freeze-questions", json={"text": "还在吗"})
    assert code_of(await anna.call("POST", "/me/freeze-questions", json={"text": "还在吗"}))[0] == 429
    assert "canary" not in str(await db.fetch("SELECT * FROM accounts.audit_log"))
