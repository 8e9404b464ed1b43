"""The files of the documentation under `/docs`. Local assets only: CDN pages stay blank behind firewalls."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from scalar_fastapi import AgentScalarConfig, OpenAPISource, get_scalar_api_reference

from shared import asyncapi

SERVICES = {
    "accounts": "账户 Accounts",
    "ingest": "数据接入 Ingest",
    "accounting": "核算 Accounting",
    "rewards": "权益 Rewards",
}
_ASSET_PACKAGE = "star_openapi_scalar"
_ASSET_PATH = "templates/scalar/js/scalar.standalone.js"
_FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="#1b8a5a"/>'
    '<path d="M9 19c0-7 6-10 14-10 0 8-4 14-10 14-3 0-4-2-4-4z" fill="#fff"/></svg>'
)


# Links to all four APIs: the page itself hides them in a menu.
_BAR = (
    '<nav class="apis"><b>碳普惠开放平台 API</b>'
    + "".join(f'<a href="/docs?api={name}">{title}</a>' for name, title in SERVICES.items())
    + '<a href="/docs/topics">主题 Topics</a></nav>'
)
_BAR_CSS = """
.apis { display: flex; gap: 1.5rem; align-items: center; padding: 0.7rem 1rem; background: #1b8a5a; color: #fff;
  font: 15px/1.4 system-ui, "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif; }
.apis a { color: #fff; }
"""


def _inside(package: str, path: str) -> Path:
    """Return the path of a file in a wheel without importing the package, which would import another framework."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(package)
    return Path(next(iter(spec.submodule_search_locations))) / path


def script_path() -> Path:
    return _inside(_ASSET_PACKAGE, _ASSET_PATH)


def viewer_path() -> Path:
    return _inside("asyncapi_viewer", "static/asyncapi-viewer.iife.js")


# The viewer is a custom element; the page needs no script of its own.
_TOPICS_PAGE = (
    '<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>主题 Topics</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f'<link rel="icon" href="/docs/favicon.svg"><style>body {{ margin: 0 }} {_BAR_CSS}</style>'
    f'<script src="/docs/asyncapi-viewer.js" defer></script></head><body>{_BAR}'
    '<asyncapi-viewer src="/docs/asyncapi.yaml" sidebar></asyncapi-viewer></body></html>'
)


_SCRIPT_AGE_S = 86_400
_PAGE_AGE_S = 60


@dataclass(frozen=True, slots=True)
class Page:
    """A file of the documentation. `max_age_s`: how long a browser may keep it."""

    content: bytes
    media_type: str
    max_age_s: int = _PAGE_AGE_S


def pages() -> dict[str, Page]:
    """Return every file of the documentation by its path. Some 10 MB."""
    html = "text/html; charset=utf-8"
    script = "text/javascript; charset=utf-8"
    return {
        "/docs": Page(_api_page().encode(), html),
        "/docs/scalar.js": Page(script_path().read_bytes(), script, _SCRIPT_AGE_S),
        "/docs/favicon.svg": Page(_FAVICON.encode(), "image/svg+xml", _SCRIPT_AGE_S),
        "/docs/topics": Page(_TOPICS_PAGE.encode(), html),
        "/docs/asyncapi.yaml": Page(asyncapi.as_yaml().encode(), "application/yaml"),
        "/docs/asyncapi-viewer.js": Page(viewer_path().read_bytes(), script, _SCRIPT_AGE_S),
    }


def _api_page() -> str:
    page = get_scalar_api_reference(
        title="碳普惠开放平台 API · Carbon inclusion API",
        sources=[
            OpenAPISource(title=title, slug=name, url=f"/api/v1/{name}/openapi.json", default=name == "accounts")
            for name, title in SERVICES.items()
        ],
        scalar_js_url="/docs/scalar.js",
        scalar_favicon_url="/docs/favicon.svg",
        with_default_fonts=False,
        telemetry=False,
        hide_client_button=True,
        show_developer_tools="never",
        agent=AgentScalarConfig(disabled=True),
        overrides={"mcp": {"disabled": True}},
        custom_css=_BAR_CSS,
    )
    return bytes(page.body).decode().replace("<body>", f"<body>{_BAR}", 1)
