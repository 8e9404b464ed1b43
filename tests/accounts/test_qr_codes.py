"""The unlimited code: an image with an ETag, asked for once in six hours, errors as problems."""

import asyncio
import dataclasses

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.fake_wechat.state import FakeWechat, Fault
from services.accounts.qr_codes.domain import SCENE, scene_of
from services.accounts.wechat.qr_codes import QrCodes
from shared.ids import new_id
from tests.accounts.conftest import BASE, People, code_of

QR = "/wxa/getwxacodeunlimit"
PATH = "/me/qrcode?page=pages/invite/index"


@pytest.fixture(autouse=True)
def empty_cache(fresh: None, app: FastAPI) -> None:
    app.state.resources = dataclasses.replace(app.state.resources, qr_codes=QrCodes(images_max=3))


async def test_the_code_is_an_image_with_an_etag(people: People, fake: FakeWechat) -> None:
    anna = await people.new("anna")
    first = await anna.call("GET", PATH)
    assert first.status_code == 200, first.text
    assert first.headers["content-type"] == "image/png"
    assert first.content.startswith(b"\x89PNG")
    anna.headers["If-None-Match"] = first.headers["etag"]
    again = await anna.call("GET", PATH)
    assert (again.status_code, again.content) == (304, b"")
    assert fake.calls[QR] == 1


async def test_many_requests_at_once_are_one_call(people: People, fake: FakeWechat) -> None:
    anna = await people.new("anna")
    answers = await asyncio.gather(*(anna.call("GET", PATH) for _ in range(8)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert fake.calls[QR] == 1


async def test_two_people_have_different_codes_that_name_nobody(people: People) -> None:
    anna, ben = await people.new("anna"), await people.new("ben")
    assert (await anna.call("GET", PATH)).content != (await ben.call("GET", PATH)).content
    scene = scene_of(anna.user_id)
    assert SCENE.fullmatch(scene)
    assert anna.user_id.hex not in scene


def test_every_scene_is_one_that_wechat_takes() -> None:
    scenes = {scene_of(new_id()) for _ in range(1000)}
    assert len(scenes) == 1000
    assert all(SCENE.fullmatch(scene) for scene in scenes)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(QR, errcode=41030), (404, "QR_PAGE_UNKNOWN")),
        (Fault(QR, errcode=45009), (503, "WX_ASK_LATER")),
        (Fault(QR, errcode=-1), (503, "WX_ASK_LATER")),
        (Fault(QR, raw="<html>"), (503, "WX_ASK_LATER")),
        (Fault(QR, raw="{}"), (503, "WX_ASK_LATER")),
        (Fault(QR, raw="", status=500), (503, "WX_ASK_LATER")),
    ],
)
async def test_an_error_is_a_problem_and_is_not_kept(
    people: People, fake: FakeWechat, fault: Fault, expected: tuple[int, str]
) -> None:
    anna = await people.new("anna")
    fake.faults.append(dataclasses.replace(fault))
    answer = await anna.call("GET", PATH)
    assert code_of(answer) == expected
    assert ("retry-after" in answer.headers) == (expected[0] == 503)
    assert (await anna.call("GET", PATH)).status_code == 200


@pytest.mark.parametrize("page", ["/pages/index", "pages/x?y=1", "pages//x", "", "a" * 200, "pages/../x", "页面"])
async def test_a_page_that_cannot_be_is_refused_here(people: People, fake: FakeWechat, page: str) -> None:
    anna = await people.new("anna")
    assert (await anna.call("GET", "/me/qrcode", params={"page": page})).status_code == 422
    assert fake.calls[QR] == 0


async def test_the_cache_is_bounded_and_a_person_cannot_fetch_without_end(people: People, app: FastAPI) -> None:
    anna = await people.new("anna")
    statuses = [(await anna.call("GET", f"/me/qrcode?page=pages/p/{'a' * n}")).status_code for n in range(1, 40)]
    assert set(statuses) == {200}
    assert len(app.state.resources.qr_codes._kept) == 3
    statuses = [(await anna.call("GET", f"/me/qrcode?page=pages/q/{'a' * n}")).status_code for n in range(1, 40)]
    assert statuses.count(429) == 39 * 2 - 60


async def test_the_code_needs_a_log_in(client: httpx.AsyncClient) -> None:
    assert (await client.get(BASE + PATH)).status_code == 401
