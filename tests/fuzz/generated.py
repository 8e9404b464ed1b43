"""Requests generated from the OpenAPI documents, valid and invalid, with the credentials of their route."""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
import requests
import schemathesis
from requests.exceptions import InvalidHeader, InvalidJSONError, InvalidURL
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response

from tests.fuzz.callers import Callers, Citizen
from tests.fuzz.findings import Findings

TIMEOUT_S = 20.0
# Answers must match the documents. `Findings` has a stricter rule for server errors and problem documents.
CHECK_NAMES = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
HEALTH_CHECKS = list(hypothesis.HealthCheck)
WITHOUT_TOKEN_EVERY = 10
_REQUEST = ("method", "url", "headers", "cookies", "params", "data", "json")

Progress = Callable[[str], None]


class GeneratedRequests:
    """One run over all operations of all services. `cases`: per mode and operation."""

    def __init__(self, callers: Callers, findings: Findings, *, seed: int, cases: int, until: float) -> None:
        load_all_checks()
        self._callers, self._findings = callers, findings
        self._seed, self._cases, self._until = seed, cases, until
        self._session = requests.Session()
        self._session.trust_env = False
        self._checks = CHECKS.get_by_names(CHECK_NAMES)
        self._count = 0
        self.operations = 0
        self.left_out: list[str] = []

    def play(self, progress: Progress, only: Sequence[str] = ()) -> None:
        for service, document in self._callers.documents().items():
            schema = schemathesis.openapi.from_dict(document)
            schema.config.update(base_url=self._callers.url)
            for found in schema.get_all_operations():
                operation: Any = found.ok() if isinstance(found, Ok) else None
                if operation is None:
                    self._findings.fail(f"openapi: {service}: an operation that cannot be read: {found}")
                    continue
                if only and operation.label not in only:
                    continue
                if time.monotonic() > self._until:
                    self.left_out.append(operation.label)
                    continue
                progress(f"{service}: {operation.label}")
                self._operation(operation)
                self.operations += 1

    def _operation(self, operation: Any) -> None:
        citizen = self._callers.new_citizen()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                self._examples(strategy, citizen)
            except (hypothesis.errors.Unsatisfiable, hypothesis.errors.InvalidArgument):
                continue  # a route without parameters and body has no invalid request

    def _examples(self, strategy: Any, citizen: Citizen) -> None:
        @hypothesis.seed(self._seed)
        @hypothesis.settings(
            max_examples=self._cases,
            deadline=None,
            database=None,
            suppress_health_check=HEALTH_CHECKS,
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(case=strategy)
        def one(case: Any) -> None:
            if time.monotonic() < self._until:
                self._one(case, citizen)

        one()

    def _one(self, case: Any, citizen: Citizen) -> None:
        self._count += 1
        options = case.as_transport_kwargs(base_url=self._callers.url)
        try:
            prepared = requests.Request(
                **{
                    name: options.get(name)
                    for name in ("method", "url", "headers", "cookies", "params", "data", "json")
                }
            ).prepare()
        except (InvalidHeader, InvalidURL, InvalidJSONError, UnicodeError, ValueError):
            return  # this client cannot send it; the raw sockets of the hand list can
        content: Any = prepared.body or b""
        body: bytes = content if isinstance(content, bytes) else content.encode()
        assert prepared.method is not None
        if self._count % WITHOUT_TOKEN_EVERY:
            prepared.headers["Authorization"] = self._callers.authorization(
                prepared.method, prepared.path_url, body, citizen
            )
        if "Idempotency-Key" not in prepared.headers:
            prepared.headers["Idempotency-Key"] = f"fuzz-{uuid.uuid4()}"
        try:
            answer = self._session.send(prepared, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            self._findings.cases["openapi"] += 1
            self._findings.fail(f"openapi: {prepared.method} {prepared.path_url[:200]}: no answer: {error!r}"[:600])
            return
        self._check_response(case, prepared, answer)

    def _check_response(self, case: Any, prepared: requests.PreparedRequest, answer: requests.Response) -> None:
        what = f"{prepared.method} {prepared.path_url[:200]} {str(prepared.body)[:200]}"
        headers = {name.lower(): value for name, value in answer.headers.items()}
        self._findings.check_answer("openapi", what, answer.status_code, headers, answer.content)
        try:
            case.validate_response(Response.from_requests(answer, verify=True), checks=self._checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                words = " ".join(str(failure).split())[:500]
                self._findings.fail(f"openapi: {what}: {answer.status_code}: {words}")
