"""The shelf over HTTP: everybody may read it, and nothing on it is in force."""

from typing import Any

from services.accounting.methodologies.document import content_sha256, parse_methodology
from tests.accounting.conftest import Accounting

SHELF = "/api/v1/accounting/shelf"


async def test_the_shelf_is_public_and_in_force_nowhere(accounting: Accounting) -> None:
    items = (await accounting.client.get(SHELF)).json()["items"]
    published = (await accounting.client.get("/api/v1/accounting/methodologies")).json()["items"]
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
