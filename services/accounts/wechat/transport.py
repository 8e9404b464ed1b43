"""Calls to WeChat: places for each group of calls, the server token, answers within a time and a size.

WeChat reports errors with status 200 and a body, in any content type. The application's secret is part of the query.
Therefore neither URLs nor exceptions of the HTTP client are logged, only the path, the error code and the exception's
type.
"""

import asyncio
import json
import time
from collections import defaultdict
from typing import Any, Literal

import httpx
import structlog
from pydantic import SecretStr

from services.accounts.wechat.errors import WxUnavailable, WxUnreachable
from services.accounts.wechat.guard import CallGuard
from shared.httpclient import new_client

CALL_TIMEOUT_S = 5
# A stable token has at least 512 characters, a phone answer a few hundred. Larger answers are not WeChat's.
ANSWER_BYTES_MAX = 64 * 1024
# Old and new token are both valid for five minutes around a renewal, so one minute early is enough.
_TOKEN_MARGIN_S = 60
_TOKEN_LIFE_S_MAX = 7200
# WeChat grants 20 forced renewals a day, at least 30 s apart.
_FORCED_INTERVAL_S = 30
_TOKEN = "/cgi-bin/stable_token"
_TOKEN_REJECTED = frozenset({40001, 40014, 42001})
# Nothing was sent: these happen before the first byte of the request.
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

Group = Literal["log_ins", "phones", "tokens", "messages", "texts", "images"]
"""Each group has places and a breaker of its own: none of them keeps another one waiting."""

_log = structlog.get_logger(__name__)


class WeChatTransport:
    def __init__(
        self,
        *,
        base_url: str,
        app_id: str,
        app_secret: SecretStr,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = new_client(base_url, transport=transport)
        self._app_id, self._app_secret = app_id, app_secret
        self._token = ""
        self._token_until = float("-inf")
        self._forced_at = float("-inf")
        self._token_lock = asyncio.Lock()
        self._guards: defaultdict[Group, CallGuard] = defaultdict(CallGuard)

    async def stop(self) -> None:
        await self._http.aclose()

    def credentials(self) -> dict[str, str]:
        return {"appid": self._app_id, "secret": self._app_secret.get_secret_value()}

    async def call(
        self, group: Group, method: str, path: str, *, params: dict[str, str] | None = None, body: Any = None
    ) -> dict[str, Any]:
        """Return the answer's JSON object. Raises WxBusy without a place for the call, WxUnavailable."""
        async with self._guards[group].enter():
            return as_object(await self._send(method, path, params=params, body=body), path)

    async def call_as_server(self, group: Group, path: str, body: Any) -> dict[str, Any]:
        """As `call`, with the server token. A rejected token is fetched anew, once."""
        return as_object(await self.fetch_as_server(group, path, body), path)

    async def fetch_as_server(self, group: Group, path: str, body: Any, *, bytes_max: int = ANSWER_BYTES_MAX) -> bytes:
        """As `call_as_server`, for answers that may be an image."""
        token = await self.server_token()
        content = await self._fetch(group, path, token, body, bytes_max)
        if errcode_of(content) in _TOKEN_REJECTED:
            token = await self.server_token(rejected=token)
            content = await self._fetch(group, path, token, body, bytes_max)
        return content

    async def _fetch(self, group: Group, path: str, token: str, body: Any, bytes_max: int) -> bytes:
        async with self._guards[group].enter():
            return await self._send("POST", path, params={"access_token": token}, body=body, bytes_max=bytes_max)

    async def server_token(self, *, rejected: str = "") -> str:
        """Return the server token. One caller fetches it while the others wait for the result.

        Raises WxUnavailable, WxBusy.
        """
        async with self._token_lock:
            if self._token and self._token != rejected and time.monotonic() < self._token_until:
                return self._token
            token = await self._fetch_token(force=False)
            if token == rejected and time.monotonic() - self._forced_at >= _FORCED_INTERVAL_S:
                self._forced_at = time.monotonic()
                token = await self._fetch_token(force=True)
            return token

    async def _fetch_token(self, *, force: bool) -> str:
        body = {"grant_type": "client_credential", **self.credentials(), "force_refresh": force}
        answer = await self.call("tokens", "POST", _TOKEN, body=body)
        code = errcode(answer)
        token, life_s = answer.get("access_token"), answer.get("expires_in")
        if code != 0:
            _log.warning("wechat_refused", path=_TOKEN, errcode=code)
            raise WxUnavailable
        if not isinstance(token, str) or not token or not isinstance(life_s, int):
            _log.warning("wechat_answer_malformed", path=_TOKEN)
            raise WxUnavailable
        self._token = token
        self._token_until = time.monotonic() + min(life_s, _TOKEN_LIFE_S_MAX) - _TOKEN_MARGIN_S
        return token

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None,
        body: Any,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> bytes:
        """Return the answer's bytes. Raises WxUnavailable, without the URL in the error; WxUnreachable: nothing sent.

        Bodies are raw UTF-8: WeChat compares texts as they come and does not read `\\u` escapes in some calls.
        """
        content = bytearray()
        encoded = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(CALL_TIMEOUT_S),
                self._http.stream(method, path, params=params, content=encoded, headers=headers) as answer,
            ):
                status = answer.status_code
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > bytes_max:
                        break
        except (httpx.HTTPError, TimeoutError, OSError, ValueError) as exc:
            _log.warning("wechat_call_failed", path=path, error=type(exc).__name__)
            raise (WxUnreachable if isinstance(exc, _BEFORE_SENDING) else WxUnavailable) from None
        if status != 200 or len(content) > bytes_max:
            _log.warning("wechat_answer_malformed", path=path, status=status)
            raise WxUnavailable
        return bytes(content)


def as_object(content: bytes, path: str) -> dict[str, Any]:
    """Return the JSON object of an answer. Raises WxUnavailable for anything else."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        _log.warning("wechat_answer_malformed", path=path, status=200)
        raise WxUnavailable
    return document


def errcode(answer: dict[str, Any]) -> int:
    code = answer.get("errcode", 0)
    return code if isinstance(code, int) else -1


def errcode_of(content: bytes) -> int:
    """Return the error code in an answer, 0 for an image or any other bytes."""
    if content.lstrip()[:1] != b"{":
        return 0
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return 0
    return errcode(document) if isinstance(document, dict) else 0
