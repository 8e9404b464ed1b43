"""Certificates: the public page and the check, PDF and PNG, made once and the same everywhere."""

import asyncio
import base64
import hashlib
import io
import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import structlog
from PIL import Image
from sqlalchemy import event

from services.rewards.certificates.domain import certificate_no
from services.rewards.documents import making
from services.rewards.documents import service as documents
from services.rewards.worker import build
from shared import clock
from shared.press import PressFailed
from tests.rewards.conftest import API, Rewards
from tests.rewards.reading import drawn_by_a_process, picture_of, qr_of, text_of
from tests.rewards.test_settlement import MortalDatabase, ProcessDied, Tripwire

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
async def certificate(rewards: Rewards) -> dict[str, Any]:
    await rewards.add_campaign()
    donation = await rewards.donate(rewards.citizen(10_000_000), 2_345_678)
    found: dict[str, Any] = donation.json()["certificate"]
    return found


def unknown_number() -> str:
    return certificate_no(clock.now().date(), 12_345_678_901)


async def fetch(rewards: Rewards, path: str, **headers: str) -> httpx.Response:
    return await rewards.client.get(f"{API}/certificates/{path}", headers=headers)


async def made(rewards: Rewards, path: str) -> httpx.Response:
    """Ask for a file, let the worker make it, and get it."""
    asked = await fetch(rewards, path)
    assert (asked.status_code, asked.headers["retry-after"]) == (202, "2"), asked.text
    assert asked.json() == {"status": "requested", "retry_after_s": 2}
    assert await making.make_due(rewards.database) == 1
    answer = await fetch(rewards, path)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_pdf_is_downloaded_and_its_qr_code_leads_to_genuine(
    rewards: Rewards, certificate: dict[str, Any]
) -> None:
    number = certificate["certificate_no"]
    answer = await made(rewards, f"{number}.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert len(answer.content) < 200_000
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    lines = text_of(answer.content)
    assert "捐赠证书" in "".join(lines)
    assert "感谢您支持公益活动“零碳马拉松”，捐出减碳量：" in lines
    assert "2.345678 千克" in lines
    assert " ".join(number[start : start + 4] for start in range(0, 20, 4)) in " ".join(lines)
    address = qr_of(picture_of(answer.content))
    assert address == f"https://carbon.test{API}/certificates/{number}"
    seen = await rewards.client.get(urlsplit(address).path, headers={"Accept": BROWSER})
    assert seen.status_code == 200
    assert "证书真实有效" in seen.text
    assert (await rewards.client.get(urlsplit(address).path)).json()["status"] == "genuine"


async def test_a_picture_to_share_is_1080_wide_and_its_qr_code_is_read(
    rewards: Rewards, certificate: dict[str, Any]
) -> None:
    number = certificate["certificate_no"]
    answer = await made(rewards, f"{number}.png")
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (1080, 1440)
    assert qr_of(answer.content) == f"https://carbon.test{API}/certificates/{number}"


# --- the page ---------------------------------------------------------------------------------------------------------


async def test_the_page_is_chinese_first_without_scripts_and_strict(
    rewards: Rewards, certificate: dict[str, Any]
) -> None:
    answer = await fetch(rewards, certificate["certificate_no"], accept=BROWSER)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.index("证书真实有效") < answer.text.index("This certificate is genuine")
    assert "<script" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in policy
    assert "style=" not in answer.text
    assert 'name="viewport"' in answer.text
    assert (answer.headers["referrer-policy"], answer.headers["x-robots-tag"]) == ("no-referrer", "noindex")


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
async def test_page_and_json_are_cached_until_they_change(
    rewards: Rewards, certificate: dict[str, Any], accept: str
) -> None:
    number = certificate["certificate_no"]
    first = await fetch(rewards, number, accept=accept)
    assert first.headers["cache-control"] == "public, no-cache"
    assert "Accept" in first.headers["vary"]
    again = await fetch(rewards, number, accept=accept, **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    changed = await fetch(rewards, number, accept=accept, **{"if-none-match": '"another"'})
    assert (changed.status_code, changed.content) == (200, first.content)


async def test_the_page_says_unknown_and_mistyped(rewards: Rewards, certificate: dict[str, Any]) -> None:
    unknown = await fetch(rewards, unknown_number(), accept=BROWSER)
    assert (unknown.status_code, "查不到这张证书" in unknown.text) == (404, True)
    number = certificate["certificate_no"]
    mistyped = await fetch(rewards, number[:-1] + str((int(number[-1]) + 1) % 10), accept=BROWSER)
    assert (mistyped.status_code, "编号输错了" in mistyped.text) == (422, True)
    for answer in (unknown, mistyped):
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_genuine_and_unknown_take_the_same_statements(rewards: Rewards, certificate: dict[str, Any]) -> None:
    """So an answer's time does not tell that a number is nearly right."""
    seen: list[str] = []
    engine = rewards.app.state.db._engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        taken = []
        for number in (certificate["certificate_no"], unknown_number()):
            seen.clear()
            await fetch(rewards, number)
            taken.append(list(seen))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert taken[0] == taken[1]
    assert len(taken[0]) == 1


async def test_a_typed_number_leads_to_its_certificate(rewards: Rewards, certificate: dict[str, Any]) -> None:
    form = await rewards.client.get(f"{API}/certificates")
    assert (form.status_code, "<form" in form.text, "<script" in form.text) == (200, True, False)
    number = certificate["certificate_no"]
    typed = "  " + "-".join(number[start : start + 4] for start in range(0, 20, 4))
    sent = await rewards.client.get(f"{API}/certificates", params={"certificate_no": typed})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{API}/certificates/{number}")
    hostile = await rewards.client.get(f"{API}/certificates", params={"certificate_no": "//evil.example\r\nx: y"})
    assert (hostile.status_code, hostile.headers["location"]) == (303, f"{API}/certificates/0")


async def test_an_address_shared_in_wechat_still_opens(rewards: Rewards, certificate: dict[str, Any]) -> None:
    shared = f"{certificate['certificate_no']}?from=singlemessage&isappinstalled=0"
    assert (await fetch(rewards, shared, accept=BROWSER)).status_code == 200


async def test_a_hostile_title_is_only_text(rewards: Rewards) -> None:
    await rewards.add_campaign()
    await rewards.sql("UPDATE rewards.campaign SET title_zh = '<script>alert(1)</script>\"🌱', title_en = $1", "(a)\\b")
    donation = (await rewards.donate(rewards.citizen(10_000), 5_000)).json()
    number = donation["certificate"]["certificate_no"]
    page = await fetch(rewards, number, accept=BROWSER)
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    pdf = await made(rewards, f"{number}.pdf")
    assert '<script>alert(1)</script>"〓' in "".join(text_of(pdf.content))
    await made(rewards, f"{number}.png")


# --- files ------------------------------------------------------------------------------------------------------------


async def test_a_browser_waits_on_a_page_that_loads_again(rewards: Rewards, certificate: dict[str, Any]) -> None:
    path = f"{certificate['certificate_no']}.pdf"
    waiting = await fetch(rewards, path, accept=BROWSER)
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "2")
    assert '<meta http-equiv="refresh" content="2">' in waiting.text
    await making.make_due(rewards.database)
    assert (await fetch(rewards, path, accept=BROWSER)).headers["content-type"] == "application/pdf"


async def test_a_file_has_a_strong_hash_and_is_not_sent_twice(rewards: Rewards, certificate: dict[str, Any]) -> None:
    path = f"{certificate['certificate_no']}.pdf"
    answer = await made(rewards, path)
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["content-disposition"] == f'inline; filename="certificate-{path}"'
    again = await fetch(rewards, path, **{"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_files_of_unknown_numbers_are_refused_and_leave_nothing(rewards: Rewards) -> None:
    for form in ("pdf", "png"):
        unknown = await fetch(rewards, f"{unknown_number()}.{form}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "CERTIFICATE_NOT_FOUND")
        assert (await fetch(rewards, f"123.{form}")).json()["code"] == "CERTIFICATE_NO_MISTYPED"
    assert await rewards.sql("SELECT FROM rewards.document") == []


async def test_many_requests_and_two_workers_make_one_file(rewards: Rewards, certificate: dict[str, Any]) -> None:
    path = f"{certificate['certificate_no']}.pdf"
    asked = await asyncio.gather(*(fetch(rewards, path) for _ in range(20)))
    assert {answer.status_code for answer in asked} == {202}
    made_by = await asyncio.gather(making.make_due(rewards.database), making.make_due(rewards.database))
    assert sum(made_by) == 1
    answers = await asyncio.gather(*(fetch(rewards, path) for _ in range(20)))
    assert len({answer.content for answer in answers}) == 1
    assert len(await rewards.sql("SELECT FROM rewards.document")) == 1


async def test_two_workers_that_draw_the_same_file_store_it_once(rewards: Rewards, certificate: dict[str, Any]) -> None:
    """The first one was slow, and its lease ended."""
    path, both = f"{certificate['certificate_no']}.pdf", asyncio.Barrier(2)
    await fetch(rewards, path)

    async def slow(asked: bytes) -> bytes:
        drawn = await making.PRESS(asked)
        await rewards.sql("UPDATE rewards.document SET due_at = now() WHERE state = 'requested'")
        await both.wait()
        return drawn

    first = asyncio.create_task(making.make_due(rewards.database, press=slow))
    while not await rewards.sql("SELECT FROM rewards.document WHERE attempts = 1 AND due_at <= now()"):
        await asyncio.sleep(0.05)
    assert sorted([await making.make_due(rewards.database, press=slow), await first]) == [0, 1]
    (row,) = await rewards.sql("SELECT attempts, state FROM rewards.document")
    assert (row["attempts"], row["state"]) == (2, "ready")


async def test_a_worker_that_dies_at_any_step_loses_no_request(rewards: Rewards, certificate: dict[str, Any]) -> None:
    path, points = f"{certificate['certificate_no']}.png", 0
    while True:
        points += 1
        await rewards.sql("DELETE FROM rewards.document")
        await fetch(rewards, path)
        wire = Tripwire(points)
        mortal = MortalDatabase(rewards.settings.database_url, wire)
        try:
            await making.make_due(mortal)
        except ProcessDied:
            await rewards.sql("UPDATE rewards.document SET due_at = now()")  # the lease ends
            await making.make_due(rewards.database)
            assert (await fetch(rewards, path)).status_code == 200
        else:
            break
        finally:
            await mortal.stop()
    # The commit of the claim, that of the file, and that of the last look.
    assert wire.passed == ["before commit", "after commit"] * 3


async def test_a_press_that_fails_is_tried_again_later(rewards: Rewards, certificate: dict[str, Any]) -> None:
    path = f"{certificate['certificate_no']}.pdf"
    await fetch(rewards, path)

    async def broken(_asked: bytes) -> bytes:
        raise PressFailed("out of memory")

    async def too_large(asked: bytes) -> bytes:
        return json.dumps([{"file": base64.b64encode(bytes(200_001)).decode()} for _ in json.loads(asked)]).encode()

    for attempt, press in enumerate((broken, too_large), start=1):
        assert await making.make_due(rewards.database, press=press) == 0
        (row,) = await rewards.sql("SELECT attempts, last_error, due_at - now() AS pause FROM rewards.document")
        assert row["attempts"] == attempt
        assert row["last_error"] in {"out of memory", "200001 bytes are too many"}
        assert 0 < row["pause"].total_seconds() <= 2**attempt
        await rewards.sql("UPDATE rewards.document SET due_at = now()")
    assert await making.make_due(rewards.database) == 1
    (row,) = await rewards.sql("SELECT last_error FROM rewards.document")
    assert row["last_error"] is None


async def test_too_many_waiting_requests_are_refused(
    rewards: Rewards, certificate: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "WAITING_MAX", 1)
    number = certificate["certificate_no"]
    assert (await fetch(rewards, f"{number}.pdf")).status_code == 202
    busy = await fetch(rewards, f"{number}.png")
    assert (busy.status_code, busy.json()["code"], busy.headers["retry-after"]) == (503, "DOCUMENTS_BUSY", "60")
    assert (await fetch(rewards, f"{number}.pdf")).status_code == 202
    await making.make_due(rewards.database)
    assert (await fetch(rewards, f"{number}.png")).status_code == 202


async def test_the_running_worker_makes_what_is_asked_for(rewards: Rewards, certificate: dict[str, Any]) -> None:
    path = f"{certificate['certificate_no']}.pdf"
    worker, stopping = build(rewards.settings), asyncio.Event()
    running = asyncio.create_task(worker.run_until(stopping))
    try:
        async with asyncio.timeout(30):
            while (answer := await fetch(rewards, path)).status_code == 202:
                await asyncio.sleep(0.2)
    finally:
        stopping.set()
        await running
    assert answer.headers["content-type"] == "application/pdf"


async def test_an_unused_file_is_deleted_and_made_again_the_same(rewards: Rewards, certificate: dict[str, Any]) -> None:
    path = f"{certificate['certificate_no']}.pdf"
    first = await made(rewards, path)
    await rewards.sql("UPDATE rewards.document SET used_on = used_on - 29")
    await fetch(rewards, path)  # used again
    async with rewards.database.transaction() as session:
        await documents.delete_unused(session)
    assert len(await rewards.sql("SELECT FROM rewards.document")) == 1
    await rewards.sql("UPDATE rewards.document SET used_on = used_on - 32")
    async with rewards.database.transaction() as session:
        await documents.delete_unused(session)
    assert await rewards.sql("SELECT FROM rewards.document") == []
    assert (await made(rewards, path)).content == first.content


async def test_a_late_file_is_reported(rewards: Rewards, certificate: dict[str, Any]) -> None:
    await fetch(rewards, f"{certificate['certificate_no']}.pdf")
    counts = []
    for age_s in (60, 180):
        await rewards.sql("UPDATE rewards.document SET requested_at = now() - make_interval(secs => $1)", float(age_s))
        with structlog.testing.capture_logs() as logs:
            async with rewards.database.transaction() as session:
                await documents.report_late(session)
        counts.append([entry["event"] for entry in logs].count("documents_late"))
    assert counts == [0, 1]


@pytest.mark.parametrize("form", ["pdf", "png"])
async def test_two_processes_make_the_same_bytes(rewards: Rewards, certificate: dict[str, Any], form: str) -> None:
    """Whatever the time zone, the language and the order of sets."""
    served = await made(rewards, f"{certificate['certificate_no']}.{form}")
    (row,) = await rewards.sql("SELECT form, content FROM rewards.document")
    asked = json.dumps([{"form": row["form"], "content": json.loads(row["content"])}]).encode()
    for variables in (
        {"TZ": "America/New_York", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
        {"TZ": "Asia/Shanghai", "PYTHONHASHSEED": "77", "LC_ALL": "C.UTF-8"},
    ):
        (drawn,) = json.loads(drawn_by_a_process(asked, **variables))
        assert base64.b64decode(drawn["file"]) == served.content


async def test_a_form_that_cannot_be_drawn_leaves_the_others_alone() -> None:
    good = {
        "form": "png",
        "content": {
            "type": "certificate", "number": "20261123048213977514", "campaign_zh": "零碳马拉松",
            "campaign_en": "Marathon", "amount_mg": 1, "issued_on": "2026-11-23", "address": "https://carbon.test/c",
        },
    }  # fmt: skip
    answers = json.loads(drawn_by_a_process(json.dumps([{"form": "gif", "content": {}}, good]).encode()))
    assert ["error" in one for one in answers] == [True, False]
