"""Keys that occur twice in a JSON body: found wherever they stand, refused before any route sees the body."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.app import build_app
from shared.errors import MalformedBody
from shared.json_keys import refuse_repeated_keys, repeated_key
from shared.settings import ServiceSettings


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"a": 1, "a": 1}', "a"),
        ('{"a": 1, "\\u0061": 2}', "a"),
        ('[{"x": {"b": 1, "c": 2, "b": 3}}]', "b"),
        ('{"n": 1e999, "n": NaN}', "n"),
        ('{"": 1, "": 2}', ""),
        ('{"\\ud800": 1, "\\ud800": 2}', "\ud800"),
        ('{"a": 1, "A": 1, "b": {"a": 1}}', None),
        ('{"a": "{\\"a\\":1,\\"a\\":1}"}', None),
        ('{"x": "\u0001", "a": 1, "a": 2}', "a"),
    ],
)
def test_b16_a_repeated_key_is_found_wherever_it_stands(text: str, key: str | None) -> None:
    assert repeated_key(text.encode("utf-8", "surrogatepass")) == key


@pytest.mark.parametrize("text", ["", "{", '{"a": 1, "a": ', "{} {}", "undefined"])
def test_b16_a_text_that_cannot_be_searched_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Extra data"):
        repeated_key(text.encode())
    with pytest.raises(RecursionError):
        repeated_key(b"[" * 100_000)
    with pytest.raises(MalformedBody):
        refuse_repeated_keys(text.encode())
    refuse_repeated_keys(text.encode(), may_be_no_json=True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be"])
def test_b16_a_repeated_key_is_found_in_every_encoding_that_json_readers_take(encoding: str) -> None:
    assert repeated_key('{"键": 1, "键": 2}'.encode(encoding)) == "键"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON, st.text(max_size=3))
def test_b16_encoded_values_have_no_repeated_key_until_one_is_added(value: Any, key: str) -> None:
    text = json.dumps(value)
    assert repeated_key(text.encode()) is None
    twice = f"{{{json.dumps(key)}: {text}, {json.dumps(key, ensure_ascii=False)}: 1}}"
    assert repeated_key(twice.encode("utf-8", "surrogatepass")) == key


class Order(BaseModel):
    item: str
    quantity: int = 1


@pytest.fixture(scope="module")
async def shop(postgres_admin_dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    router = APIRouter()

    @router.post("/api/v1/shop/orders")
    async def order(body: Order) -> Order:
        return body

    settings = ServiceSettings.model_validate(
        {
            "database_url": postgres_admin_dsn,
            "event_log_url": postgres_admin_dsn,
            "jwks_url": "http://accounts.test/jwks.json",
        }
    )
    app = build_app(service="shop", settings=settings, routers=[router], title_zh="店", title_en="Shop")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.test") as client:
        yield client


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8", "application/x+json"])
async def test_b16_a_route_never_sees_a_body_with_a_key_twice(shop: httpx.AsyncClient, media_type: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"item": "tea", ', b'"quantity": 1, "quan', b'tity": 1000}'):
            yield piece

    headers = {"Content-Type": media_type}
    for content in (b'{"item": "tea", "quantity": 1, "quantity": 1000}', pieces()):
        answer = await shop.post("/api/v1/shop/orders", content=content, headers=headers)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "DUPLICATE_KEY")
        assert problem["errors"] == [
            {"field": "quantity", "code": "DUPLICATE_KEY", "message": "这一项出现了两次，请只保留一个。"}
        ]  # fmt: skip
        assert problem["detail"] == "“quantity”出现了两次，无法判断以哪个为准，这次没有提交成功。请只保留一个。"
    fine = await shop.post("/api/v1/shop/orders", content=b'{"item": "tea", "quantity": 3}', headers=headers)
    assert (fine.status_code, fine.json()) == (200, {"item": "tea", "quantity": 3})


async def test_b16_other_faults_of_a_body_keep_their_answers(shop: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for content, status, code in (
        (b"{", 400, "MALFORMED_BODY"),
        (b"", 422, "INVALID_REQUEST"),
        (b"[" * 60_000, 400, "MALFORMED_BODY"),
        (b'{"item": 5}', 422, "INVALID_REQUEST"),
        (b'{"it<em>": 1, "it<em>": 2}', 400, "DUPLICATE_KEY"),
        ('{"item": "a", "item": "b"}'.encode("utf-16"), 400, "DUPLICATE_KEY"),
        (b'\xef\xbb\xbf{"item": "a", "item": "b"}', 400, "DUPLICATE_KEY"),
    ):
        answer = await shop.post("/api/v1/shop/orders", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "<em>" not in answer.text
