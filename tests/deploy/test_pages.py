"""The documentation pages: what they load, and how the process serves them."""

import gzip

import httpx
import pytest
import yaml

from deploy.pages.app import create_app


@pytest.fixture
def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app()), base_url="http://pages.test")


async def test_the_documentation_page_loads_local_assets_only(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    for service in ("accounts", "ingest", "accounting", "rewards"):
        assert f"/api/v1/{service}/openapi.json" in page.text
    script = await client.get("/docs/scalar.js")
    assert len(script.content) > 1_000_000


async def test_the_topics_page_loads_local_assets_only(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs/topics")
    assert page.status_code == 200
    assert "://" not in page.text
    assert 'href="/docs/topics"' in (await client.get("/docs")).text
    for part in ("/docs/asyncapi-viewer.js", "/docs/asyncapi.yaml"):
        assert f'"{part}"' in page.text
        assert (await client.get(part)).status_code == 200
    assert len((await client.get("/docs/asyncapi-viewer.js")).content) > 100_000
    assert yaml.safe_load((await client.get("/docs/asyncapi.yaml")).text)["asyncapi"] == "3.0.0"


async def test_a_file_is_compressed_for_readers_who_accept_it(client: httpx.AsyncClient) -> None:
    plain = await client.get("/docs/scalar.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    async with client.stream("GET", "/docs/scalar.js", headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join([piece async for piece in packed.aiter_raw()])
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(raw) < len(plain.content) / 2
    assert gzip.decompress(raw) == plain.content


async def test_a_file_that_the_reader_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/docs/topics")
    again = await client.get("/docs/topics", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/docs/scalar.js", 200),
        ("GET", "/docs/", 200),
        ("POST", "/docs", 405),
        ("GET", "/docs/../etc/passwd", 404),
        ("GET", "/docs/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/readyz", 200),
    ],
)
async def test_only_the_known_files_are_served(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    response = await client.request(method, path)
    assert response.status_code == status
    if method == "HEAD":
        assert response.content == b""
