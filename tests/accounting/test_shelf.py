"""The shelf over HTTP: everybody may read it, and nothing on it is in force."""

from typing import Any

from services.accounting.methodologies.document import content_sha256, parse_methodology
from services.accounting.methodologies.library import library_methodologies, shelf_texts
from tests.accounting.conftest import Accounting

SHELF = "/api/v1/accounting/shelf"
LIBRARY = "/api/v1/accounting/methodologies"


async def test_the_shelf_is_public_and_in_force_nowhere(accounting: Accounting) -> None:
    items = (await accounting.client.get(SHELF)).json()["items"]
    published = (await accounting.client.get(f"{LIBRARY}?state=in_force")).json()["items"]
    assert len(items) == 19
    assert {item["code"] for item in items} & {item["code"] for item in published} == set()
    assert not any(item["trust"] == "official" for item in items)
    steps = next(item for item in items if item["code"] == "TTXQ-STEPS-2021")
    assert (steps["event"], steps["reportable"], steps["trust"]) == ("steps.counted", False, "published_app_value")


async def test_its_text_is_ready_to_be_a_draft(accounting: Accounting) -> None:
    answer = await accounting.client.get(f"{SHELF}/HB-CSAE235-EV/versions/3")
    detail: Any = answer.json()
    assert (detail["source_status"], detail["trust"], detail["reportable"]) == ("secondary", "unverified", True)
    assert detail["document"]["examples"][0]["expect_mg"] == 992_888
    document, _ = parse_methodology(detail["yaml"])
    assert content_sha256(document) == detail["sha256"]
    registered = (await accounting.client.get("/api/v1/accounting/factors")).json()["items"]
    known = {(factor["factor_id"], factor["vintage"]) for factor in registered}
    assert {(factor["factor_id"], factor["vintage"]) for factor in detail["document"]["factors"]} <= known


async def test_what_is_not_there_is_not_found(accounting: Accounting) -> None:
    for path in ("/HB-CSAE235-EV/versions/4", "/WH-APP-BUS/versions/1"):
        answer = await accounting.client.get(SHELF + path)
        assert (answer.status_code, answer.json()["code"]) == (404, "METHODOLOGY_NOT_FOUND")


async def test_the_whole_shipped_library_is_listed_page_by_page_with_every_example(accounting: Accounting) -> None:
    shown: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await accounting.client.get(f"{LIBRARY}?limit=10{cursor}")).json()
        shown += page["items"]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    shipped = library_methodologies() + [parse_methodology(text)[0] for text in shelf_texts()]
    assert {(item["code"], item["version"]): [e["expect_mg"] for e in item["examples"]] for item in shown} == {
        (document.code, document.version): [example.expect_mg for example in document.examples] for document in shipped
    }
    assert [item["state"] for item in shown] == ["in_force"] * 7 + ["shelf"] * 19
    car = next(item for item in shown if (item["code"], item["version"]) == ("HB-CSAE235-EV", 3))
    assert (car["trust"], car["status"], car["published_at"]) == ("unverified", "shelf", None)
    assert {source["status"] for source in car["sources"]} >= {"secondary", "unverified"}
    detail = (await accounting.client.get(f"{LIBRARY}/HB-CSAE235-EV/versions/3")).json()
    assert (detail["state"], detail["sha256"]) == ("shelf", car["sha256"])


async def test_the_list_keeps_to_what_is_asked_for(accounting: Accounting) -> None:
    shelved = (await accounting.client.get(f"{LIBRARY}?state=shelf&limit=100")).json()
    assert (len(shelved["items"]), shelved["has_more"]) == (19, False)
    for query in ("state=invented", "cursor=e30", "limit=101"):
        assert (await accounting.client.get(f"{LIBRARY}?{query}")).status_code == 422
