"""Faults of other systems, from public reports: a reviewer approves something else than what is used."""

from typing import Any

import pytest

from tests.accounting.operators import FACTORS, Operators, bus_km
from tests.accounting.reports import ride_now

PUBLISH = {"reason": "已审阅"}
# As CVE-2021-42574 uses them: the browser of the second person shows another order, or nothing at all.
UNSEEN = {
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "zero-width space": "\u200b",
    "soft hyphen": "\u00ad",
    "tag letter": "\U000e0041",
    "variation selector": "\ufe0f",
}


@pytest.mark.parametrize("unseen", UNSEEN.values(), ids=UNSEEN)
async def test_a1_a_document_with_characters_that_nobody_sees_is_refused(operators: Operators, unseen: str) -> None:
    """CVE-2021-42574 (Trojan Source); glsec/glsec#374, ibuilder/massing#155."""
    escaped = unseen.encode("unicode-escape").decode().replace("\\xad", "\\u00ad")
    texts = {
        "a value": FACTORS.replace("公交每", f"公{unseen}交每"),
        "a comment": f"# {unseen}42.5\n{FACTORS}",
        "an escape": FACTORS.replace('value: "42.5"', f'value: "42.5"\n    note: "{escaped}"'),
    }
    for place, text in texts.items():
        assert text != FACTORS, place
        answer = await operators.call("POST", "/factors", {"yaml": text, "reason": "里程因子"})
        assert answer.status_code == 422, place
        assert "INVISIBLE_CHARACTER" in [error["code"] for error in answer.json()["errors"]], (place, answer.text)
    draft = await operators.call("POST", "/methodologies", {"yaml": f"# {unseen}\n{bus_km()}", "reason": "按里程"})
    assert (draft.status_code, draft.json()["code"]) == (422, "DOCUMENT_INVALID")


async def test_a1_a_text_that_its_author_changed_after_it_was_read_is_not_published(ready: Operators) -> None:
    """openclaw/openclaw#124738, hybridops-tech/hybridops-core#377: approved and executed content differ."""
    draft_id = await ready.checked(bus_km())
    path = f"/methodologies/drafts/{draft_id}"
    read: Any = await ready.ok("GET", path, who="publisher")
    await ready.ok("PUT", path, {"yaml": bus_km(formula="saved * distance"), "reason": "改写"})
    await ready.ok("POST", f"{path}/check")
    for body in (PUBLISH, {**PUBLISH, "sha256": read["sha256"]}):
        assert await ready.refused("POST", f"{path}/publish", body, who="publisher") == (409, "DRAFT_CHANGED")
    shown: Any = await ready.ok("GET", path, who="publisher")
    await ready.ok("POST", f"{path}/publish", {**PUBLISH, "sha256": shown["sha256"]}, who="publisher")


async def test_a1_a_newer_factor_changes_no_published_version_and_no_credit(ready: Operators) -> None:
    """ORNL-AMO/VERIFI#787: stored results change when a factor is updated."""
    accounting = ready.accounting
    person = await accounting.citizen()
    ride = ride_now(person, distance_m=4_000)
    await ready.publish(bus_km())
    await accounting.post(ride)
    before: Any = await accounting.get(person, f"/me/activities/{ride.event_key}")
    newer = FACTORS.replace("42.5", "60").replace("vintage: 2026", "vintage: 2027")
    await ready.factors(newer)
    after: Any = await accounting.get(person, f"/me/activities/{ride.event_key}")
    assert after == before
    accounting.forget_library()
    assert await accounting.programmes.library.warning() is None
