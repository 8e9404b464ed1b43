"""Signed requests through the gateway; what says `Retry-After` is sent again with the same ids."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from deploy.tph.errors import Complaint
from deploy.tph.identity import Identity

TIMEOUT_S = 60.0
TRIES_MAX = 8
_FIRST_PAUSE_S, _PAUSE_S_MAX = 1.0, 30.0
RETRIED = frozenset({429, 502, 503, 504})

Said = Callable[[str], None]


class Client:
    """`say` hears of waits; `sleep` waits."""

    def __init__(
        self,
        identity: Identity,
        *,
        say: Said = lambda _: None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._identity, self._say, self._sleep = identity, say, sleep
        self._http = httpx.Client(
            base_url=identity.gateway_url, timeout=TIMEOUT_S, transport=transport, trust_env=False
        )

    def request(
        self, method: str, target: str, body: bytes = b"", *, content_type: str = "application/json"
    ) -> httpx.Response:
        """The answer, whatever its status, after at most TRIES_MAX tries. Raises Complaint when there is none."""
        headers = {"Content-Type": content_type} if body else {}
        for number in range(1, TRIES_MAX + 1):
            signed = {**headers, "Authorization": self._identity.authorization(method, target, body)}
            try:
                answer = self._http.request(method, target, content=body, headers=signed)
            except httpx.TransportError as exc:
                if number == TRIES_MAX:
                    raise Complaint(f"无法连接 {self._identity.gateway_url}", f"No connection: {exc!r}") from exc
                self._wait(number, None, type(exc).__name__)
                continue
            if answer.status_code not in RETRIED or number == TRIES_MAX:
                return answer
            self._wait(number, answer.headers.get("retry-after"), str(answer.status_code))
        raise AssertionError

    def _wait(self, number: int, asked: str | None, why: str) -> None:
        pause_s = min(_FIRST_PAUSE_S * 2 ** (number - 1), _PAUSE_S_MAX)
        if asked is not None and asked.isdecimal():
            pause_s = min(float(asked[:6]), 10 * _PAUSE_S_MAX)
        self._say(f"{why}：{pause_s:.0f} 秒后重试 retrying in {pause_s:.0f} s")
        self._sleep(pause_s)

    def json(self, method: str, target: str, body: bytes = b"", **more: Any) -> Any:
        """The content of a 2xx answer. Raises Complaint with what the platform says otherwise."""
        answer = self.request(method, target, body, **more)
        if answer.is_success:
            return answer.json()
        raise refusal(answer)


def refusal(answer: httpx.Response) -> Complaint:
    try:
        told: dict[str, Any] = answer.json()
    except ValueError:
        told = {"detail": answer.text[:300]}
    fields = "; ".join(f"{e.get('field')}: {e.get('message')}" for e in told.get("errors", []))
    where = f"{answer.request.method} {answer.request.url.raw_path.decode()}"
    detail = told.get("detail", "")
    zh = f"{answer.status_code} {told.get('code', '')} {told.get('title', '')} {detail} {fields}".strip()
    return Complaint(zh, f"{where} (request_id {told.get('request_id', '-')})")
