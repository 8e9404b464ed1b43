"""Sends signed requests through the gateway. Answers with Retry-After are retried with the same body."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from deploy.tph.errors import CommandError
from deploy.tph.identity import Identity

TIMEOUT_S = 60.0
TRIES_MAX = 8
_FIRST_PAUSE_S, _PAUSE_S_MAX = 1.0, 30.0
RETRIED = frozenset({429, 502, 503, 504})

Notify = Callable[[str], None]


class Client:
    """`notify` is called before each wait, with a sentence about it."""

    def __init__(
        self,
        identity: Identity,
        *,
        notify: Notify = lambda _: None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._identity, self._notify, self._sleep = identity, notify, sleep
        self._http = httpx.Client(
            base_url=identity.gateway_url, timeout=TIMEOUT_S, transport=transport, trust_env=False
        )

    def request(
        self, method: str, target: str, body: bytes = b"", *, content_type: str = "application/json"
    ) -> httpx.Response:
        """Return the answer of any status, after at most TRIES_MAX tries. Raises CommandError without an answer."""
        headers = {"Content-Type": content_type} if body else {}
        for number in range(1, TRIES_MAX + 1):
            signed = {**headers, "Authorization": self._identity.authorization(method, target, body)}
            try:
                answer = self._http.request(method, target, content=body, headers=signed)
            except httpx.TransportError as exc:
                if number == TRIES_MAX:
                    raise CommandError(f"无法连接 {self._identity.gateway_url}", f"No connection: {exc!r}") from exc
                self._wait(number, None, type(exc).__name__)
                continue
            if answer.status_code not in RETRIED or number == TRIES_MAX:
                return answer
            self._wait(number, answer.headers.get("retry-after"), str(answer.status_code))
        raise AssertionError

    def _wait(self, number: int, retry_after: str | None, reason: str) -> None:
        pause_s = min(_FIRST_PAUSE_S * 2 ** (number - 1), _PAUSE_S_MAX)
        if retry_after is not None and retry_after.isdecimal():
            pause_s = min(float(retry_after[:6]), 10 * _PAUSE_S_MAX)
        self._notify(f"{reason}：{pause_s:.0f} 秒后重试 retrying in {pause_s:.0f} s")
        self._sleep(pause_s)

    def json(self, method: str, target: str, body: bytes = b"", **more: Any) -> Any:
        """Return the content of a 2xx answer. For others raises CommandError with the platform's explanation."""
        answer = self.request(method, target, body, **more)
        if answer.is_success:
            return answer.json()
        raise error_from(answer)


def error_from(answer: httpx.Response) -> CommandError:
    try:
        problem: dict[str, Any] = answer.json()
    except ValueError:
        problem = {"detail": answer.text[:300]}
    fields = "; ".join(f"{e.get('field')}: {e.get('message')}" for e in problem.get("errors", []))
    where = f"{answer.request.method} {answer.request.url.raw_path.decode()}"
    detail = problem.get("detail", "")
    zh = f"{answer.status_code} {problem.get('code', '')} {problem.get('title', '')} {detail} {fields}".strip()
    return CommandError(zh, f"{where} (request_id {problem.get('request_id', '-')})")
