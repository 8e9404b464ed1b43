"""Writes the four OpenAPI documents, without a running stack: `python -m deploy.clients.api.documents FOLDER`."""

import hashlib
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from deploy.local.plan import Plan
from deploy.local.secrets_file import Secrets
from deploy.local.settings import SERVICES, LocalSettings
from deploy.local.state import RunDirectory

_NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def applications() -> dict[str, FastAPI]:
    """The four applications with the settings of a local stack that does not run."""
    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder))
        plan = Plan(LocalSettings(), Secrets(directory.secrets, {}), directory, _NOWHERE)
        return {service: _application(service, plan) for service in SERVICES}


def _application(service: str, plan: Plan) -> FastAPI:
    with _environment({**plan.service_environment(service), f"{service.upper()}_LOG_LEVEL": "ERROR"}):
        app: FastAPI = importlib.import_module(f"services.{service}.main").create_app()
    return app


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def documents() -> dict[str, dict[str, Any]]:
    return {service: app.openapi() for service, app in applications().items()}


def text_of(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def digest_of(found: dict[str, dict[str, Any]]) -> str:
    """The hash of all four documents."""
    content = "".join(f"{service}\n{text_of(found[service])}" for service in sorted(found))
    return hashlib.sha256(content.encode()).hexdigest()


def write(folder: Path) -> str:
    """Write `<service>.json` of each service. Return the hash of all four."""
    folder.mkdir(parents=True, exist_ok=True)
    found = documents()
    for service, document in found.items():
        (folder / f"{service}.json").write_text(text_of(document), encoding="utf-8")
    return digest_of(found)


if __name__ == "__main__":
    print(write(Path(sys.argv[1] if len(sys.argv) > 1 else ".cache/openapi")))
