"""The choice between Chinese and English, and bilingual answers."""

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from shared.http_language import AskedLanguage, Bilingual
from shared.language import Text, language_of

MARATHON = Text("零碳马拉松", "Zero-carbon marathon")


def test_a_text_is_picked_by_language() -> None:
    assert (MARATHON.pick("zh"), MARATHON.pick("en")) == ("零碳马拉松", "Zero-carbon marathon")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"),
        ("", "zh"),
        ("fr-FR", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("fr, EN", "en"),
    ],
)
def test_english_is_chosen_only_if_it_is_named_before_chinese(header: str | None, language: str) -> None:
    assert language_of(header) == language


async def test_a_route_gets_the_language_of_the_accept_language_header() -> None:
    app = FastAPI()

    @app.get("/title")
    async def title(language: AskedLanguage) -> str:
        return MARATHON.pick(language)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/title", headers={"Accept-Language": "en"})).json() == MARATHON.en
        assert (await client.get("/title")).json() == MARATHON.zh
    assert "parameters" not in app.openapi()["paths"]["/title"]["get"]


def test_a_text_becomes_a_bilingual_model_by_validation() -> None:
    class View(BaseModel):
        model_config = ConfigDict(from_attributes=True)
        title: Bilingual

    assert View.model_validate({"title": MARATHON}, from_attributes=True).model_dump() == {"title": MARATHON._asdict()}
    assert Bilingual.model_validate(MARATHON).model_dump_json() == '{"zh":"零碳马拉松","en":"Zero-carbon marathon"}'
