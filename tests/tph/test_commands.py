"""The command line: its signatures, retries, batches and exit codes."""

import ast
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from deploy.tph import __main__ as entry
from deploy.tph import checks, commands, events, feed, transfers
from deploy.tph.client import TRIES_MAX, Client
from deploy.tph.errors import CommandError
from deploy.tph.identity import Identity, load_identity
from deploy.tph.wheel import build
from services.ingest.debugging.schemas import FailingRequest
from services.ingest.imports.schemas import NewImport
from shared.auth import cp1
from tests.ingest.samples import event

ENVIRONMENT = {
    "TPH_GATEWAY_URL": "http://platform.test",
    "TPH_APP_KEY": "ak_test",
    "TPH_SECRET": "cpsk_test_0123456789abcdef",
    "COLUMNS": "200",
}
IDENTITY = Identity("http://platform.test", "ak_test", "cpsk_test_0123456789abcdef")


def test_sign_reproduces_the_documented_signature() -> None:
    arguments = ["sign", "--path", "/api/v1/partner/events:batch?dry_run=false", "--timestamp", "1700000000"]
    result = CliRunner().invoke(
        commands.app,
        [*arguments, "--nonce", "593BEC0C930BF1AFEB40B4A08C8FB242"],
        input='[{"specversion":"1.0","id":"1"}]',
        env=ENVIRONMENT,
    )
    assert result.exit_code == 0, result.output
    assert 'signature="EaIn/eOp/K64ZRvrqenzRIcKz2F+2QnCFXZty1YOQEg="' in result.output
    assert "1700000000\\n" in result.output


class Platform:
    """Answers from a list and keeps the requests."""

    def __init__(self, *answers: httpx.Response) -> None:
        self._answers: Iterator[httpx.Response] = iter(answers)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    def client(self) -> Client:
        return Client(IDENTITY, transport=httpx.MockTransport(self._answer), sleep=self.slept.append)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return next(self._answers)


def accepted(count: int, **more: Any) -> httpx.Response:
    results = [{"index": n, "id": str(n), "status": "accepted"} for n in range(count)]
    body = {"receipt_id": "r-1", "accepted": count, "rejected": 0, "results": results, **more}
    return httpx.Response(202, json=body)


def test_a_request_with_retry_after_is_sent_again_with_a_new_signature() -> None:
    platform = Platform(httpx.Response(503, headers={"Retry-After": "3"}), httpx.Response(429), accepted(1))
    assert platform.client().json("POST", commands.EVENTS, b"[]")["accepted"] == 1
    assert platform.slept == [3.0, 2.0]
    assert {request.content for request in platform.requests} == {b"[]"}
    credentials = [cp1.parse_authorization(request.headers["authorization"]) for request in platform.requests]
    assert len({one.nonce for one in credentials if one}) == 3


def test_the_client_gives_up_after_a_bounded_number_of_tries() -> None:
    platform = Platform(*(httpx.Response(503, json={"code": "LOG_UNAVAILABLE"}) for _ in range(TRIES_MAX)))
    with pytest.raises(CommandError, match="request_id"):
        platform.client().json("POST", commands.EVENTS, b"[]")
    assert len(platform.slept) == TRIES_MAX - 1
    assert max(platform.slept) <= 30


def test_batches_stay_within_the_platforms_limits(tmp_path: Path) -> None:
    many = [event(f"id-{n}", pad="x" * 5000) for n in range(700)]
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(json.dumps(one) for one in many))
    found = list(events.encode_batches(events.read_events(file)))
    assert [one["id"] for _, body in found for one in json.loads(body)] == [one["id"] for one in many]
    assert [first for first, _ in found][:2] == [0, len(json.loads(found[0][1]))]
    assert all(len(body) <= 1024 * 1024 and len(json.loads(body)) <= 500 for _, body in found)


@pytest.mark.parametrize(
    ("content", "count"), [('[{"id":1},{"id":2}]', 2), ('{"id":1}', 1), ('{"id":1}\n\n{"id":2}\n', 2), ("[]", 0)]
)
def test_events_are_read_from_arrays_objects_and_lines(tmp_path: Path, content: str, count: int) -> None:
    file = tmp_path / "f.json"
    file.write_text(content)
    assert len(events.read_events(file)) == count


@pytest.mark.parametrize("content", ["[1]", '{"id":1}\n{broken', "\xff"])
def test_a_malformed_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "f.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(CommandError):
        events.read_events(file)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def invoke(platform: Platform, *arguments: str) -> Any:
        monkeypatch.setattr(commands, "client_of", lambda _context: platform.client())
        return CliRunner().invoke(commands.app, list(arguments), env=ENVIRONMENT)

    return invoke


def test_push_exits_with_1_if_an_event_was_rejected(tmp_path: Path, run: Callable[..., Any]) -> None:
    file = tmp_path / "events.json"
    file.write_text(json.dumps([event("good"), event("bad", distance=5.5)]))
    results = [
        {"index": 0, "id": "good", "status": "accepted"},
        {"index": 1, "id": "bad", "status": "rejected", "code": "INVALID_TYPE", "field": "data.distance"},
    ]
    platform = Platform(httpx.Response(202, json={"accepted": 1, "rejected": 1, "receipt_id": "r", "results": results}))
    answer = run(platform, "push", str(file))
    assert answer.exit_code == 1, answer.output
    assert platform.requests[0].headers["content-type"] == "application/cloudevents-batch+json"
    assert run(Platform(accepted(2)), "push", str(file)).exit_code == 0
    dry = Platform(accepted(2, dry_run=True))
    assert run(dry, "push", str(file), "--dry-run").exit_code == 0
    assert dry.requests[0].url.query == b"dry_run=true"


def test_status_waits_for_a_verdict(run: Callable[..., Any]) -> None:
    waiting = {"id": "a", "status": "received", "reason_code": None, "amount_mg": None}
    judged = {**waiting, "status": "credited", "amount_mg": 170_000}
    unknown = httpx.Response(404, json={"code": "EVENT_NOT_FOUND"})
    assert run(Platform(httpx.Response(200, json=waiting)), "status", "a").exit_code == 1
    platform = Platform(unknown, httpx.Response(200, json=waiting), httpx.Response(200, json=judged))
    assert run(platform, "status", "a/b", "--wait", "5").exit_code == 0
    assert platform.requests[0].url.raw_path == b"/api/v1/ingest/events?id=a%2Fb"


def test_an_error_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["tph", "--credentials", str(tmp_path / "none.json"), "webhook", "show"])
    assert entry.main() == 2
    assert "none.json" in capsys.readouterr().err


def test_the_identity_comes_from_the_credentials_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    bike = {"partner_id": "bike", "app_key": "ak-b", "secret": "s-b", "algorithm": cp1.HMAC_SHA256}
    file.write_text(json.dumps({"gateway_url": "http://g/", "partners": [bike]}))
    nothing: dict[str, Any] = {"credentials": file, "gateway": "", "app_key": "", "secret": "", "key_file": None}
    found = load_identity(**nothing, partner="bike", algorithm="")
    assert (found.gateway_url, found.app_key, found.secret) == ("http://g", "ak-b", "s-b")
    assert "s-b" not in repr(found)
    with pytest.raises(CommandError, match="bike"):
        load_identity(**nothing, partner="metro", algorithm="")
    key = tmp_path / "key"
    key.write_text("from-file")
    own = load_identity(
        **{**nothing, "app_key": "ak-o", "gateway": "http://h", "key_file": key}, partner="", algorithm=""
    )
    assert (own.app_key, own.secret, own.gateway_url) == ("ak-o", "from-file", "http://h")
    with pytest.raises(CommandError):
        load_identity(
            **{**nothing, "app_key": "a", "secret": "b", "gateway": "c"}, partner="", algorithm="CP1-ED25519"
        ).authorization("GET", "/", b"")


def test_the_debug_request_fits_the_platforms_schema() -> None:
    asked = checks.debug_request("POST", "/x?y=1", "CP1-HMAC-SHA256 …", b"\xff[]", "POST\\n/x\\n")
    request = FailingRequest.model_validate(asked)
    assert request.string_to_sign == "POST\n/x\n"
    assert request.body_base64 == "/1td"
    FailingRequest.model_validate(checks.debug_request("GET", "/", "CP1-HMAC-SHA256 …", b"", ""))


def import_state(status: str, **more: Any) -> httpx.Response:
    state = {
        "import_id": "i-1", "status": status, "parts": {"size_bytes": 10, "expected": 3}, "failure": None,
        "progress": {"percent": 50, "accepted": 2, "rejected": 0},
    }  # fmt: skip
    return httpx.Response(202, json={**state, **more})


def test_import_announces_a_file_sends_signed_parts_and_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "_POLL_S", 0.0)
    file = tmp_path / "trips.ndjson"
    file.write_bytes(b"0123456789" * 2 + b"01234")
    uploading = import_state("uploading")
    platform = Platform(*[uploading] * 4, import_state("queued"), import_state("running"), import_state("done"))
    monkeypatch.setattr(transfers, "client_of", lambda _context: platform.client())
    answer = CliRunner().invoke(commands.app, ["import", str(file)], env=ENVIRONMENT)
    assert answer.exit_code == 0, answer.output
    announced = NewImport.model_validate_json(platform.requests[0].content)
    assert (announced.format, announced.compression, announced.size_bytes) == ("ndjson", "identity", 25)
    parts = platform.requests[1:4]
    assert b"".join(request.content for request in parts) == file.read_bytes()
    assert [request.url.path[-7:] for request in parts] == ["parts/0", "parts/1", "parts/2"]
    assert platform.requests[4].url.path.endswith("/complete")


def test_a_failed_import_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "trips.csv"
    file.write_bytes(b"x")
    platform = Platform(import_state("failed", failure={"code": "NOT_UTF8", "message": "编码有误"}))
    with pytest.raises(CommandError, match="failed"):
        transfers.upload_and_wait(platform.client(), file, {})
    with pytest.raises(CommandError):
        transfers.describe_file(tmp_path / "trips.xlsx")


def test_reconcile_exits_with_1_if_there_are_differences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "trips.csv"
    file.write_bytes(b"x")
    sums = {"events": 1, "distance_m": 1, "weight_g": 0, "energy_wh": 0}
    counts = {"only_theirs": 0, "only_ours": 1, "differing": 0, "doubled": 0}
    report = {"report_id": "i-1", "theirs": sums, "ours": sums, "differences": counts, "equal": False}
    only_ours: dict[str, Any] = {"kind": "only_ours", "id": "e-1", "line": None, "fields": []}
    answers = (import_state("done"), httpx.Response(200, json=report), httpx.Response(200, json={"items": [only_ours]}))
    platform = Platform(*answers)
    monkeypatch.setattr(transfers, "client_of", lambda _context: platform.client())
    answer = CliRunner().invoke(commands.app, ["reconcile", "2026-11-23", str(file)], env=ENVIRONMENT)
    assert answer.exit_code == 1, answer.output
    assert "e-1" in answer.output
    assert NewImport.model_validate_json(platform.requests[0].content).mode == "reconcile"


def outcome(event_id: str) -> dict[str, Any]:
    return {"id": event_id, "status": "credited", "reason_code": "CREDITED", "amount_mg": 170_000, "index": 0}


def test_outcomes_reads_every_page_and_prints_where_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = (
        httpx.Response(200, json={"items": [outcome("o-1")], "next_cursor": "WzFd", "has_more": True}),
        httpx.Response(200, json={"items": [outcome("o-2")], "next_cursor": "WzJd", "has_more": False}),
    )
    platform = Platform(*pages)
    monkeypatch.setattr(feed, "client_of", lambda _: platform.client())
    arguments = ["outcomes", "--json", "--after", "WzBd", "--status", "credited"]
    result = CliRunner().invoke(commands.app, arguments, env=ENVIRONMENT)
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["o-1", "o-2"]
    assert "--after WzJd" in result.stderr
    asked = [dict(request.url.params) for request in platform.requests]
    assert [one["after"] for one in asked] == ["WzBd", "WzFd"]
    assert {one["status"] for one in asked} == {"credited"}


def test_partner_shows_the_registration_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("event_types", "cities", "scenes", "binding_modes", "allowed_networks")
    content = {
        **{name: [] for name in names},
        "partner_id": "bike",
        "name": "江城单车",
        "name_en": "River City Bikes",
        "environment": "sandbox",
        "source": "//bike.example",
        "keys": [
            {"app_key": "ak_test", "algorithm": "CP1", "environment": "live", "state": "active", "signed_this": True}
        ],
        "limits": [{"name": "day", "limit": 1000, "window_s": 86_400, "remaining": 997, "reset_s": 60}],
        "webhook": None,
    }
    monkeypatch.setattr(feed, "client_of", lambda _: Platform(httpx.Response(200, json=content)).client())
    result = CliRunner().invoke(commands.app, ["partner"], env=ENVIRONMENT)
    assert result.exit_code == 0, result.output
    for words in ("bike 江城单车", "sandbox", "ak_test", "997 / 1000"):
        assert words in result.stdout


def test_the_wheel_runs_without_this_repository(tmp_path: Path) -> None:
    wheel = build(tmp_path / "dist")
    assert wheel.read_bytes() == build(tmp_path / "again").read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    script = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from tph.__main__ import main\n"
        "code = main()\nassert not {'deploy', 'shared', 'services'} & set(sys.modules)\nsys.exit(code)"
    )
    signing = ["sign", "--path", "/x", "--timestamp", "1700000000", "--nonce", "593BEC0C930BF1AFEB40B4A08C8FB242"]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "site"), *signing, "--header-only"],
        cwd=tmp_path,
        env={**ENVIRONMENT, "PATH": os.environ["PATH"]},
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CP1-HMAC-SHA256 ")


def test_the_wheel_requires_every_package_that_it_imports(tmp_path: Path) -> None:
    with zipfile.ZipFile(build(tmp_path)) as archive:
        info = f"{next(name.partition('/')[0] for name in archive.namelist() if '.dist-info/' in name)}"
        required = {
            re.split(r"[<>=~! ]", line.removeprefix("Requires-Dist: "))[0]
            for line in archive.read(f"{info}/METADATA").decode().splitlines()
            if line.startswith("Requires-Dist: ")
        }
        imported = set()
        for name in archive.namelist():
            if name.endswith(".py"):
                for node in ast.walk(ast.parse(archive.read(name))):
                    if isinstance(node, ast.ImportFrom) and node.module:
                        imported.add(node.module.partition(".")[0])
                    elif isinstance(node, ast.Import):
                        imported |= {alias.name.partition(".")[0] for alias in node.names}
    assert imported - set(sys.stdlib_module_names) - {"tph"} == required
