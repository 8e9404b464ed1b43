"""The library and the shelf over HTTP. Both are public. The shelf is not in force."""

import uuid
from typing import Any

from services.accounting.methodologies.document import content_sha256, parse_methodology
from services.accounting.methodologies.library import library_methodologies, shelf_texts
from tests.accounting.driver import Accounting

SHELF = "/api/v1/accounting/shelf"
LIBRARY = "/api/v1/accounting/methodologies"


async def test_the_shelf_is_public_and_not_in_force(accounting: Accounting) -> None:
    items = (await accounting.client.get(SHELF)).json()["items"]
    published = (await accounting.client.get(f"{LIBRARY}?state=in_force")).json()["items"]
    assert len(items) == 19
    assert {item["code"] for item in items} & {item["code"] for item in published} == set()
    assert not any(item["trust"] == "official" for item in items)
    steps = next(item for item in items if item["code"] == "TTXQ-STEPS-2021")
    assert (steps["event"], steps["reportable"], steps["trust"]) == ("steps.counted", True, "published_app_value")


async def test_the_text_of_a_shelved_document_is_a_valid_document(accounting: Accounting) -> None:
    answer = await accounting.client.get(f"{SHELF}/HB-CSAE235-EV/versions/3")
    detail: Any = answer.json()
    assert (detail["source_status"], detail["trust"], detail["reportable"]) == ("secondary", "unverified", True)
    assert detail["document"]["examples"][0]["expect_mg"] == 992_888
    document, _ = parse_methodology(detail["yaml"])
    assert content_sha256(document) == detail["sha256"]
    registered = (await accounting.client.get("/api/v1/accounting/factors")).json()["items"]
    known = {(factor["factor_id"], factor["vintage"]) for factor in registered}
    assert {(factor["factor_id"], factor["vintage"]) for factor in detail["document"]["factors"]} <= known


async def test_a_document_outside_the_shelf_is_not_found(accounting: Accounting) -> None:
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


async def test_the_library_list_filters_by_state(accounting: Accounting) -> None:
    shelved = (await accounting.client.get(f"{LIBRARY}?state=shelf&limit=100")).json()
    assert (len(shelved["items"]), shelved["has_more"]) == (19, False)
    for query in ("state=invented", "cursor=e30", "limit=101"):
        assert (await accounting.client.get(f"{LIBRARY}?{query}")).status_code == 422


async def test_the_library_in_force_is_public_and_complete(accounting: Accounting) -> None:
    listing = (await accounting.client.get("/api/v1/accounting/methodologies?state=in_force")).json()
    assert len(listing["items"]) == 7
    assert {item["source_status"] for item in listing["items"]} == {"published_app_value"}
    assert {item["effective_from"] for item in listing["items"]} == {"2023-06-01"}
    bus = next(item for item in listing["items"] if item["scene"] == "bus")
    detail = (await accounting.client.get(f"/api/v1/accounting/methodologies/{bus['code']}/versions/1")).json()
    assert detail["sha256"] == bus["sha256"]
    assert detail["document"]["examples"]
    factors = (await accounting.client.get("/api/v1/accounting/factors")).json()["items"]
    assert len(factors) >= 7
    missing = await accounting.client.get(f"/api/v1/accounting/methodologies/NO-{uuid.uuid4()}/versions/1")
    assert missing.status_code == 404
