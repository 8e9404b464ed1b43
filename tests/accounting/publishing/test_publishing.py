"""A methodology from draft to credit over HTTP, by two operators and without a restart."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from services.accounting.methodologies.library import methodology_texts
from services.accounting.methodologies.shelf import reportable, shelf
from tests.accounting.operators import Operators, bus_km, days_ago, today
from tests.accounting.reports import YESTERDAY, ride_now
from tests.databases import Dsns


async def test_the_next_event_is_judged_by_the_new_version_without_a_restart(ready: Operators) -> None:
    accounting = ready.accounting
    person = await accounting.citizen()
    await accounting.post(person.bus(YESTERDAY + timedelta(hours=8)))
    with days_ago(2):
        done = await ready.publish(bus_km(since=today() + timedelta(days=2)))
    assert (done["code"], done["version"], done["superseded"]) == ("WH-APP-BUS", 2, [1])
    # Yesterday's ride arrives late and still counts by yesterday's version; today's ride counts by the new one.
    await accounting.post(person.bus(YESTERDAY + timedelta(hours=12)), ride_now(person))
    page = await accounting.get(person, "/me/activities")
    judged = [(item["methodology"]["version"], item["amount_mg"]) for item in page["items"]]  # type: ignore[attr-defined]
    assert judged == [(2, 340_000), (1, 150_000), (1, 150_000)]
    why = await accounting.get(person, f"/me/activities/{page['items'][0]['activity_id']}")  # type: ignore[index]
    explanation = why["explanation"]
    assert [factor["factor_id"] for factor in explanation["factors"]] == ["example.bus_km"]  # type: ignore[index]
    versions = (await accounting.client.get("/api/v1/accounting/methodologies")).json()["items"]
    bus = {v["version"]: (v["state"], v["effective_to"]) for v in versions if v["code"] == "WH-APP-BUS"}
    assert bus == {1: ("superseded", today().isoformat()), 2: ("in_force", None)}


async def test_a_version_published_ahead_applies_from_its_first_day(ready: Operators) -> None:
    accounting = ready.accounting
    person = await accounting.citizen()
    tomorrow = today() + timedelta(days=2)  # not tomorrow: midnight may pass during the test
    await ready.publish(bus_km(since=tomorrow))
    await accounting.post(ride_now(person))
    page = await accounting.get(person, "/me/activities")
    assert [item["methodology"]["version"] for item in page["items"]] == [1]  # type: ignore[attr-defined]
    detail = (await accounting.client.get("/api/v1/accounting/methodologies/WH-APP-BUS/versions/2")).json()
    assert detail["state"] == "scheduled"


async def test_publication_needs_a_second_person(ready: Operators) -> None:
    draft_id = await ready.checked(bus_km())
    path = f"/methodologies/drafts/{draft_id}"
    assert await ready.refused("POST", f"{path}/publish", {"reason": "自己批准"}) == (409, "SECOND_PERSON_NEEDED")
    # An editor becomes an author too, and every change needs a new check.
    await ready.ok("PUT", path, {"yaml": bus_km(formula="saved * distance"), "reason": "改写"}, who="editor")
    publish = {"reason": "已审阅"}
    assert await ready.refused("POST", f"{path}/publish", publish, who="publisher") == (409, "DRAFT_NOT_CHECKED")
    await ready.ok("POST", f"{path}/check", who="editor")
    assert await ready.refused("POST", f"{path}/publish", publish, who=" editor ") == (401, "UNAUTHENTICATED")
    for author in ("author", "editor", "Author"):
        assert await ready.refused("POST", f"{path}/publish", publish, who=author) == (409, "SECOND_PERSON_NEEDED")
    read = {**publish, "sha256": "0" * 64}
    assert await ready.refused("POST", f"{path}/publish", read, who="publisher") == (409, "DRAFT_CHANGED")
    shown = await ready.ok("GET", path)
    await ready.ok("POST", f"{path}/publish", {**publish, "sha256": shown["sha256"]}, who="publisher")
    assert await ready.refused("POST", f"{path}/publish", publish, who="publisher") == (409, "DRAFT_CLOSED")
    again = {"yaml": bus_km(), "reason": "再改"}
    assert await ready.refused("PUT", path, again) == (409, "DRAFT_CLOSED")
    assert (await ready.ok("GET", path))["published_by"] == "publisher"


async def test_of_many_publications_of_one_version_at_once_one_succeeds(ready: Operators) -> None:
    texts = [bus_km(formula="distance * saved" + " + 0" * n) for n in range(4)]
    drafts = [await ready.checked(text) for text in texts]
    attempts = [
        ready.call("POST", f"/methodologies/drafts/{draft}/publish", {"reason": "同时批准"}, who=f"publisher-{n}")
        for n, draft in enumerate(drafts * 2)
    ]
    answers = await asyncio.gather(*attempts)
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert codes <= {"VERSION_ALREADY_PUBLISHED", "DRAFT_CLOSED"}
    assert "VERSION_ALREADY_PUBLISHED" in codes


async def test_a_draft_that_begins_in_the_past_fails_its_check(ready: Operators) -> None:
    draft = await ready.draft(bus_km(since=today() - timedelta(days=1)))
    assert [fault["code"] for fault in draft["faults"]] == ["EFFECTIVE_DATE_PAST"]
    answer = await ready.call("POST", f"/methodologies/drafts/{draft['draft_id']}/check")
    assert (answer.status_code, answer.json()["code"]) == (409, "CHECK_FAILED")
    assert answer.json()["faults"][0]["line"] > 0
    assert await ready.refused("POST", f"/methodologies/drafts/{draft['draft_id']}/publish", {"reason": "批准"}) == (
        409,
        "DRAFT_NOT_CHECKED",
    )


async def test_a_checked_draft_whose_day_has_passed_is_not_published(ready: Operators, accounting_dsns: Dsns) -> None:
    draft_id = await ready.checked(bus_km())
    connection = await asyncpg.connect(accounting_dsns.admin)
    try:
        late = bus_km(since=today() - timedelta(days=1))
        await connection.execute("UPDATE accounting.methodology_draft SET text = $1", late)
    finally:
        await connection.close()
    path = f"/methodologies/drafts/{draft_id}/publish"
    assert await ready.refused("POST", path, {"reason": "批准"}, who="publisher") == (409, "EFFECTIVE_DATE_PAST")


async def test_publication_checks_again_against_versions_published_meanwhile(ready: Operators) -> None:
    mine = await ready.checked(bus_km(version=2))
    await ready.publish(bus_km(version=3, since=today() + timedelta(days=5)))
    answer = await ready.call("POST", f"/methodologies/drafts/{mine}/publish", {"reason": "批准"}, who="publisher")
    assert (answer.status_code, answer.json()["code"]) == (409, "CHECK_FAILED")
    assert {fault["code"] for fault in answer.json()["faults"]} == {"VERSION_NOT_NEWER", "METHODOLOGIES_OVERLAP"}


async def test_another_code_for_the_same_acts_is_refused(ready: Operators) -> None:
    draft = await ready.draft(bus_km("WH-DEMO-BUS-KM", 1))
    (fault,) = draft["faults"]
    assert fault["code"] == "METHODOLOGIES_OVERLAP"
    assert "WH-APP-BUS v1" in fault["en"]
    shown = await ready.ok("GET", f"/methodologies/drafts/{draft['draft_id']}")
    assert shown["faults"] == draft["faults"]


@pytest.mark.parametrize(
    ("replaced", "code", "field"),
    [
        ({"formula": "distance + saved"}, "UNITS_DIFFER", "formula"),
        ({"formula": "distance * distance * saved / 1 [km]"}, "EXAMPLE_FAILED", "examples.0"),
        ({"formula": "unknown * saved"}, "UNKNOWN_NAME", "formula"),
        ({"issuable": "true"}, "NOT_ISSUABLE", "issuable"),
        ({"factors": "[{name: saved, factor_id: example.nothing, vintage: 2026}]"}, "UNKNOWN_FACTOR", "factors.0"),
        ({"title": "{zh: Bus rides, en: Bus rides}"}, "TEXT_MISSING", "title.zh"),
        ({"summary": '{zh: 公交, en: " "}'}, "TEXT_MISSING", "summary.en"),
        ({"issuer": "{zh: 机构, en: 机构}"}, "TEXT_MISSING", "issuer.en"),
        (
            {
                "caps": "[{id: bus.daily_acts, per: account, period: month, acts: 2, code: MONTHLY_CAP, "
                'zh: 本月已满, en: "this month is full"}]'
            },
            "CAP_MISMATCH",
            "caps",
        ),
        ({"version": "1"}, "VERSION_ALREADY_PUBLISHED", "version"),
        (
            {"examples": "[{title: {zh: 例, en: e}, input: {distance_m: 1, duration_s: 999999999999}, expect_mg: 0}]"},
            "EXAMPLE_DATE",
            "examples.0",
        ),
    ],
)
async def test_every_fault_fails_the_check(ready: Operators, replaced: dict[str, str], code: str, field: str) -> None:
    draft = await ready.draft(bus_km(**replaced))  # type: ignore[arg-type]  # keys of the document
    found = {(fault["code"], fault["field"]): fault for fault in draft["faults"]}
    assert (code, field) in found, draft["faults"]
    assert found[code, field]["line"] > 0
    path = f"/methodologies/drafts/{draft['draft_id']}/check"
    answer = await ready.call("POST", path)
    assert (answer.status_code, answer.json()["code"], answer.json()["faults"]) == (
        409,
        "CHECK_FAILED",
        draft["faults"],
    )
    assert (await ready.ok("GET", f"/methodologies/drafts/{draft['draft_id']}"))["status"] == "draft"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("code: [", "NOT_YAML"),
        ("code: A-B\ncode: A-C", "DUPLICATE_KEY"),
        (bus_km(version=2) + "\nsurprise: 1", "EXTRA_FORBIDDEN"),
        (bus_km(leakage="1.5"), "AMBIGUOUS_VALUE"),
        (bus_km(title='{zh: "公\\0交", en: bus}'), "CONTROL_CHARACTER"),
        (bus_km(title='{zh: "公\\ud800交", en: bus}'), "CONTROL_CHARACTER"),
        ("a: &x [1]\nb: *x", "ALIAS"),
        ("[" * 200 + "]" * 200, "TOO_DEEP"),
    ],
)
async def test_an_unreadable_draft_is_refused_with_line_and_column(operators: Operators, text: str, code: str) -> None:
    answer = await operators.call("POST", "/methodologies", {"yaml": text, "reason": "试试"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "DOCUMENT_INVALID")
    (found,) = [error for error in problem["errors"] if error["code"] == code]
    assert "行" in found["message"]
    assert "Line" not in found["message"]
    assert (await operators.ok("GET", "/methodologies/drafts"))["items"] == []


async def test_every_shipped_document_passes_the_rules_of_texts_and_examples(operators: Operators) -> None:
    """Shipped documents meet the rules for authors. Only their version numbers and days are taken already."""
    for text in methodology_texts():
        draft = await operators.draft(text)
        codes = {fault["code"] for fault in draft["faults"]}
        assert codes == {"VERSION_ALREADY_PUBLISHED", "EFFECTIVE_DATE_PAST"}, draft["faults"]


async def test_a_document_about_acts_nobody_can_report_is_not_published(operators: Operators) -> None:
    """The shelf keeps such documents until their event type exists. In force they could never credit an act."""
    found = {}
    for item in shelf():
        draft = await operators.draft(item.text)
        codes = {fault["code"] for fault in draft["faults"]}
        found[item.version.code] = "EVENT_NOT_REPORTABLE" in codes
    assert found == {item.version.code: not reportable(item.version) for item in shelf()}
    assert True in found.values()
    assert False in found.values()


async def test_drafts_are_listed_newest_first_and_withdrawn_ones_stay_listed(ready: Operators) -> None:
    made = [(await ready.draft(bus_km(version=n)))["draft_id"] for n in (2, 3, 4)]
    first = await ready.ok("GET", "/methodologies/drafts?limit=2")
    assert [item["draft_id"] for item in first["items"]] == made[:0:-1]
    rest = await ready.ok("GET", f"/methodologies/drafts?limit=2&cursor={first['next_cursor']}")
    assert [item["draft_id"] for item in rest["items"]] == made[:1]
    path = f"/methodologies/drafts/{made[0]}"
    gone = await ready.ok("POST", f"{path}/withdraw", {"reason": "不做了"}, who="editor")
    assert gone["status"] == "withdrawn"
    assert await ready.refused("POST", f"{path}/check") == (409, "DRAFT_CLOSED")
    listed = await ready.ok("GET", "/methodologies/drafts?status=withdrawn")
    assert [item["draft_id"] for item in listed["items"]] == [made[0]]
    unknown = "/methodologies/drafts/00000000-0000-7000-8000-000000000000"
    assert await ready.refused("GET", unknown) == (404, "DRAFT_NOT_FOUND")


async def test_writing_drafts_and_factors_needs_the_methodologies_scope(operators: Operators) -> None:
    body = {"yaml": bus_km(), "reason": "无权"}
    assert await operators.refused("POST", "/methodologies", body, scope="ops:read") == (403, "FORBIDDEN")
    assert await operators.refused("POST", "/factors", body, scope="citizen") == (403, "FORBIDDEN")
    answer = await operators.accounting.client.post("/api/v1/accounting/ops/methodologies", json=body)
    assert answer.status_code == 401
    for reason in ("", "x" * 501, "a\x00b"):
        faulty = {"yaml": bus_km(), "reason": reason}
        assert await operators.refused("POST", "/methodologies", faulty) == (422, "INVALID_REQUEST")
