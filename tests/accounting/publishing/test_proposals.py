"""Factors and retirements over HTTP: one operator proposes, another approves, the audit log has every step."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from services.accounting.publishing.proposals import spell_version
from tests.accounting.operators import FACTORS, Operators, bus_km, days_ago, first_day, today
from tests.accounting.reports import ride_now
from tests.databases import Dsns

APPROVE = {"reason": "已核对"}


async def test_a_factor_is_registered_by_two_people_and_never_changes(operators: Operators) -> None:
    proposal = await operators.ok("POST", "/factors", {"yaml": FACTORS, "reason": "里程因子"})
    path = f"/proposals/{proposal['proposal_id']}"
    client = operators.accounting.client

    async def registered() -> list[str]:
        items = (await client.get("/api/v1/accounting/factors")).json()["items"]
        return [item["value"] for item in items if item["factor_id"] == "example.bus_km"]

    assert await operators.refused("POST", f"{path}/approve", APPROVE) == (409, "SECOND_PERSON_NEEDED")
    assert await registered() == []
    await operators.ok("POST", f"{path}/approve", APPROVE, who="approver")
    assert await registered() == ["42.5"]
    assert await operators.refused("POST", f"{path}/approve", APPROVE, who="other") == (409, "PROPOSAL_DECIDED")
    other = FACTORS.replace("42.5", "60")
    assert await operators.refused("POST", "/factors", {"yaml": other, "reason": "改值"}) == (409, "FACTOR_EXISTS")
    newer = other.replace("vintage: 2026", "vintage: 2027")
    await operators.factors(newer)
    assert await registered() == ["42.5", "60"]


async def test_a_factor_has_one_open_proposal(operators: Operators) -> None:
    first = await operators.ok("POST", "/factors", {"yaml": FACTORS, "reason": "里程因子"})
    other = {"yaml": FACTORS.replace("42.5", "60"), "reason": "里程因子"}
    assert await operators.refused("POST", "/factors", other, who="other") == (409, "PROPOSAL_OPEN")
    await operators.ok("POST", f"/proposals/{first['proposal_id']}/reject", {"reason": "来源不明"}, who="approver")
    await operators.ok("POST", "/factors", other, who="other")


async def test_of_two_proposals_with_a_factor_in_common_one_is_registered(operators: Operators) -> None:
    item = FACTORS.partition("factors:\n")[2]
    both = FACTORS + item.replace("example.bus_km", "example.another_km")
    made = [
        await operators.ok("POST", "/factors", {"yaml": text, "reason": "里程因子"})
        for text in (FACTORS.replace("42.5", "60"), both)
    ]
    answers = await asyncio.gather(
        *(
            operators.call("POST", f"/proposals/{proposal['proposal_id']}/approve", APPROVE, who="approver")
            for proposal in made
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert [answer.json()["code"] for answer in answers if answer.status_code == 409] == ["FACTOR_EXISTS"]


async def test_a_version_has_one_open_retirement(operators: Operators) -> None:
    path = "/methodologies/WH-APP-BUS/versions/{}/retire"
    body = {"from": (today() + timedelta(days=1)).isoformat(), "reason": "活动结束"}
    await operators.ok("POST", path.format(1), body)
    later = {**body, "from": (today() + timedelta(days=2)).isoformat()}
    for version in ("1", "01"):
        assert await operators.refused("POST", path.format(version), later, who="other") == (409, "PROPOSAL_OPEN")
    assert spell_version(" wh-app-bus  v01 ") == "WH-APP-BUS v1"


@pytest.mark.parametrize(("who", "action"), [("author", "factors.withdraw"), ("approver", "factors.reject")])
async def test_a_rejection_and_a_withdrawal_are_audited(operators: Operators, who: str, action: str) -> None:
    proposal = await operators.ok("POST", "/factors", {"yaml": FACTORS, "reason": "里程因子"})
    done = await operators.ok("POST", f"/proposals/{proposal['proposal_id']}/reject", {"reason": "来源不明"}, who=who)
    assert (done["status"], done["decided_by"]) == ("rejected", who)
    entry = (await operators.ok("GET", "/audit?limit=1", scope="ops:read"))["items"][0]
    assert (entry["action"], entry["subject"], entry["reason"]) == (action, who, "来源不明")
    assert entry["object"] == "example.bus_km 2026"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (FACTORS.replace("gCO2e/km", "miles"), "UNKNOWN_UNIT"),
        (FACTORS + FACTORS.partition("factors:\n")[2], "FACTOR_TWICE"),
        (FACTORS.replace('"42.5"', "42.5"), "AMBIGUOUS_VALUE"),
    ],
)
async def test_faulty_factors_are_refused(operators: Operators, text: str, code: str) -> None:
    answer = await operators.call("POST", "/factors", {"yaml": text, "reason": "里程因子"})
    assert (answer.status_code, answer.json()["code"]) == (422, "DOCUMENT_INVALID")
    assert [error["code"] for error in answer.json()["errors"]] == [code]


async def test_a_rejected_proposal_changes_nothing(operators: Operators) -> None:
    proposal = await operators.ok("POST", "/factors", {"yaml": FACTORS, "reason": "里程因子"})
    done = await operators.ok("POST", f"/proposals/{proposal['proposal_id']}/reject", {"reason": "来源不明"})
    assert (done["status"], done["decided_by"]) == ("rejected", "author")
    listed = await operators.ok("GET", "/proposals?status=rejected")
    assert [item["proposal_id"] for item in listed["items"]] == [proposal["proposal_id"]]
    unknown = "/proposals/00000000-0000-7000-8000-000000000000"
    assert await operators.refused("GET", unknown) == (404, "PROPOSAL_NOT_FOUND")


async def test_a_retired_version_credits_no_new_act_and_past_credits_stay(operators: Operators) -> None:
    accounting = operators.accounting
    person = await accounting.citizen()
    await accounting.post(ride_now(person))
    with days_ago(2):
        body = {"from": (today() + timedelta(days=2)).isoformat(), "reason": "活动结束"}
        proposal = await operators.ok("POST", "/methodologies/WH-APP-BUS/versions/1/retire", body)
        path = f"/proposals/{proposal['proposal_id']}/approve"
        assert await operators.refused("POST", path, APPROVE) == (409, "SECOND_PERSON_NEEDED")
    await accounting.post(ride_now(person))
    with days_ago(2):
        await operators.ok("POST", path, APPROVE, who="approver")
    await accounting.post(ride_now(person))
    page = await accounting.get(person, "/me/activities")
    found = [(item["reason_code"], item["amount_mg"]) for item in page["items"]]  # type: ignore[attr-defined]
    assert found[0] == ("NO_METHODOLOGY", 0)
    assert found[-1] == ("CREDITED", 150_000)
    detail = (await accounting.client.get("/api/v1/accounting/methodologies/WH-APP-BUS/versions/1")).json()
    assert (detail["status"], detail["state"], detail["effective_to"]) == ("retired", "retired", body["from"])
    entry = (await operators.ok("GET", "/audit?object=WH-APP-BUS v1", scope="ops:read"))["items"][0]
    assert (entry["action"], entry["before"]["status"], entry["after"]["status"]) == (
        "retirement.approve", "published", "retired",
    )  # fmt: skip
    assert entry["after"]["proposal"]["content"]["from"] == body["from"]
    again = {"from": (today() + timedelta(days=2)).isoformat(), "reason": "再次"}
    path = "/methodologies/WH-APP-BUS/versions/1/retire"
    assert await operators.refused("POST", path, again) == (409, "ALREADY_RETIRED")


async def test_a_version_can_be_retired_before_its_first_day(ready: Operators) -> None:
    day = today() + timedelta(days=3)
    await ready.publish(bus_km(since=day))
    body = {"from": day.isoformat(), "reason": "发现错误"}
    proposal = await ready.ok("POST", "/methodologies/WH-APP-BUS/versions/2/retire", body)
    await ready.ok("POST", f"/proposals/{proposal['proposal_id']}/approve", APPROVE, who="approver")
    done = await ready.publish(bus_km(version=3, since=day))
    assert done["version"] == 3
    listing = (await ready.accounting.client.get("/api/v1/accounting/methodologies")).json()["items"]
    states = {v["version"]: v["state"] for v in listing if v["code"] == "WH-APP-BUS"}
    assert states == {1: "in_force", 2: "retired", 3: "scheduled"}


@pytest.mark.parametrize(
    ("path", "days", "refusal"),
    [
        ("/methodologies/WH-APP-BUS/versions/1/retire", -1, (409, "EFFECTIVE_DATE_PAST")),
        ("/methodologies/WH-APP-BUS/versions/1/retire", 0, (409, "EFFECTIVE_DATE_PAST")),
        ("/methodologies/WH-APP-BUS/versions/9/retire", 1, (404, "METHODOLOGY_NOT_FOUND")),
        ("/methodologies/WH-APP-BUS/versions/2/retire", 3, (409, "RETIREMENT_OUTSIDE_INTERVAL")),
    ],
)
async def test_a_retirement_outside_the_interval_in_force_is_refused(
    ready: Operators, path: str, days: int, refusal: tuple[int, str]
) -> None:
    await ready.publish(bus_km(since=today() + timedelta(days=5)))
    body = {"from": (today() + timedelta(days=days)).isoformat(), "reason": "停用"}
    assert await ready.refused("POST", path, body) == refusal


async def test_the_audit_log_holds_operator_action_reason_before_and_after(ready: Operators) -> None:
    await ready.publish(bus_km())
    page = await ready.ok("GET", "/audit?object=WH-APP-BUS v2", scope="ops:read")
    steps = [(entry["action"], entry["subject"], entry["reason"]) for entry in page["items"]]
    assert steps == [
        ("methodology.publish", "publisher", "已审阅"),
        ("draft.check", "author", ""),
        ("draft.write", "author", "公交改按里程核算"),
    ]
    published = page["items"][0]
    assert published["before"]["effective_to"] == {"v1": None}
    assert published["after"]["effective_to"] == {"v1": first_day().isoformat()}
    assert published["after"]["sha256"] == published["before"]["sha256"]
    first = await ready.ok("GET", "/audit?limit=1", scope="ops:read")
    second = await ready.ok("GET", f"/audit?limit=100&cursor={first['next_cursor']}", scope="ops:read")
    actions = [entry["action"] for entry in (*first["items"], *second["items"])]
    assert actions == [
        "methodology.publish", "draft.check", "draft.write", "factors.approve", "factors.propose",
    ]  # fmt: skip
    assert await ready.refused("GET", "/audit") == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounting.audit_log SET reason = ''",
        "DELETE FROM accounting.audit_log",
        "TRUNCATE accounting.audit_log",
        "UPDATE accounting.methodology_version SET document = '{}'",
        "UPDATE accounting.methodology_version SET effective_from = now()",
        "DELETE FROM accounting.methodology_version",
        "UPDATE accounting.factor SET document = '{}'",
        "DELETE FROM accounting.methodology_draft",
        "DELETE FROM accounting.approval",
    ],
)
async def test_the_services_role_cannot_rewrite_history(
    ready: Operators, accounting_dsns: Dsns, statement: str
) -> None:
    await ready.publish(bus_km())
    connection = await asyncpg.connect(accounting_dsns.app("accounting"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_database_refuses_publication_by_an_author(ready: Operators, accounting_dsns: Dsns) -> None:
    await ready.checked(bus_km())
    connection = await asyncpg.connect(accounting_dsns.app("accounting"))
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "UPDATE accounting.methodology_draft SET status = 'published', published_by = 'author'"
            )
    finally:
        await connection.close()
