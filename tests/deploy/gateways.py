"""A real Envoy with the real configuration, and what its clients say to it."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx

from deploy.gateway.render import envoy_command, envoy_program, render
from deploy.gateway.settings import GatewaySettings


@contextmanager
def running(settings: GatewaySettings, place: Path, ready_path: str) -> Iterator[str]:
    config = place / "envoy.yaml"
    config.write_text(render(settings), encoding="utf-8")
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(envoy_command(envoy_program(), config, concurrency=1), stdout=log, stderr=log)
    url = f"http://127.0.0.1:{settings.port}"
    try:
        wait_until_served(url + ready_path, process, place / "log")
        yield url
    finally:
        process.terminate()
        process.wait(10)
    assert "deprecated" not in (place / "log").read_text(encoding="utf-8")


def wait_until_served(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.05)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def assert_problem(response: httpx.Response, status: int, code: str, *, retryable: bool = False) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert set(problem) == {
        *("type", "title", "status", "detail", "instance", "code", "retryable", "request_id", "errors")
    }
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["retryable"] is retryable
    assert problem["errors"] == []
    assert problem["instance"] == response.request.url.path
    assert problem["request_id"] == response.headers["x-request-id"] != ""
    assert ("retry-after" in response.headers) is retryable
    return problem


def raw(gateway: str, request: str) -> tuple[int, str]:
    port = int(gateway.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request.encode())
        response = HTTPResponse(connection)
        response.begin()
        return response.status, response.read().decode()
