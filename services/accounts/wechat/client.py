"""Client of WeChat: open id of a log-in code, and phone number of a phone code.

WeChat reports errors with status 200 and a body, in any content type. The application's secret is part of the query.
Therefore neither URLs nor exceptions of the HTTP client are logged, only the path, the error code and the exception's
type. `session_key` is dropped on arrival, because nothing here needs it.
"""

import asyncio
import json
import re
import time
from typing import Any

import httpx
import structlog
from pydantic import SecretStr

from services.accounts.wechat.errors import (
    WxCodeInvalid,
    WxPhoneCodeInvalid,
    WxRateLimited,
    WxUnavailable,
    WxUserBlocked,
)
from services.accounts.wechat.guard import CallGuard
from shared.errors import AppError
from shared.httpclient import new_client

CALL_TIMEOUT_S = 5
# A stable token has at least 512 characters, a phone answer a few hundred. Larger answers are not WeChat's.
ANSWER_BYTES_MAX = 64 * 1024
# Old and new token are both valid for five minutes around a renewal, so one minute early is enough.
_TOKEN_MARGIN_S = 60
_TOKEN_LIFE_S_MAX = 7200
# WeChat grants 20 forced renewals a day, at least 30 s apart.
_FORCED_INTERVAL_S = 30
_RATE_RETRY_AFTER_S = 60

_LOG_IN = "/sns/jscode2session"

_CODE_INVALID = frozenset({40029, 40163})
_TOKEN_REJECTED = frozenset({40001, 40014, 42001})
_RATE_LIMITED = 45011
_BLOCKED = 40226
_OPENID = re.compile(r"[A-Za-z0-9_:.-]{1,128}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_log = structlog.get_logger(__name__)


class WeChatClient:
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
        # Apart, so that a crowd that logs in does not keep anybody from verifying a phone number.
        self._log_ins, self._phones = CallGuard(), CallGuard()

    async def stop(self) -> None:
        await self._http.aclose()

    async def fetch_openid(self, code: str) -> str:
        """Fetch the open id for a code of `wx.login`.

        Raises WxCodeInvalid, WxRateLimited, WxUserBlocked, WxBusy, WxUnavailable.
        """
        answer = await self._call(
            "GET",
            _LOG_IN,
            params={
                "appid": self._app_id,
                "secret": self._app_secret.get_secret_value(),
                "js_code": code,
                "grant_type": "authorization_code",
            },
        )
        _raise_for(answer, _LOG_IN, invalid_code=WxCodeInvalid)
        openid = answer.get("openid")
        if not isinstance(openid, str) or not _OPENID.fullmatch(openid):
            _log.warning("wechat_answer_malformed", path=_LOG_IN)
            raise WxUnavailable
        return openid

    async def fetch_phone(self, code: str) -> str:
        """Fetch the phone number (E.164, `+8613…`) for a code of the getPhoneNumber button. WeChat charges per success.

        Raises WxPhoneCodeInvalid, WxRateLimited, WxUserBlocked, WxBusy, WxUnavailable.
        """
        path = "/wxa/business/getuserphonenumber"
        token = await self._access_token()
        answer = await self._call("POST", path, params={"access_token": token}, body={"code": code})
        if _errcode(answer) in _TOKEN_REJECTED:
            token = await self._access_token(rejected=token)
            answer = await self._call("POST", path, params={"access_token": token}, body={"code": code})
        _raise_for(answer, path, invalid_code=WxPhoneCodeInvalid)
        info = answer.get("phone_info")
        # The country code is documented as text. WeChat's sample shows a number.
        number = f"+{info.get('countryCode')}{info.get('purePhoneNumber')}" if isinstance(info, dict) else ""
        if not _E164.fullmatch(number):
            _log.warning("wechat_answer_malformed", path=path)
            raise WxUnavailable
        return number

    async def _access_token(self, *, rejected: str = "") -> str:
        """Return the server token. One caller fetches it while the others wait for the result."""
        async with self._token_lock:
            if self._token and self._token != rejected and time.monotonic() < self._token_until:
                return self._token
            token = await self._fetch_token(force=False)
            if token == rejected and time.monotonic() - self._forced_at >= _FORCED_INTERVAL_S:
                self._forced_at = time.monotonic()
                token = await self._fetch_token(force=True)
            return token

    async def _fetch_token(self, *, force: bool) -> str:
        path = "/cgi-bin/stable_token"
        body = {
            "grant_type": "client_credential",
            "appid": self._app_id,
            "secret": self._app_secret.get_secret_value(),
            "force_refresh": force,
        }
        answer = await self._call("POST", path, body=body)
        _raise_for(answer, path, invalid_code=WxUnavailable)
        token, life_s = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(life_s, int):
            _log.warning("wechat_answer_malformed", path=path)
            raise WxUnavailable
        self._token = token
        self._token_until = time.monotonic() + min(life_s, _TOKEN_LIFE_S_MAX) - _TOKEN_MARGIN_S
        return token

    async def _call(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the answer's JSON object. Raises WxBusy without a place for the call, else what `_send` raises."""
        guard = self._log_ins if path == _LOG_IN else self._phones
        async with guard.enter():
            return await self._send(method, path, params=params, body=body)

    async def _send(
        self, method: str, path: str, *, params: dict[str, str] | None, body: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the answer's JSON object. Raises WxUnavailable for anything else, without the URL in the error."""
        content = bytearray()
        try:
            async with (
                asyncio.timeout(CALL_TIMEOUT_S),
                self._http.stream(method, path, params=params, json=body) as answer,
            ):
                status = answer.status_code
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > ANSWER_BYTES_MAX:
                        break
            document = json.loads(content) if status == 200 and len(content) <= ANSWER_BYTES_MAX else None
        except (httpx.HTTPError, TimeoutError, OSError, ValueError, RecursionError) as exc:
            _log.warning("wechat_call_failed", path=path, error=type(exc).__name__)
            raise WxUnavailable from None
        if not isinstance(document, dict):
            _log.warning("wechat_answer_malformed", path=path, status=status)
            raise WxUnavailable
        return document


def _errcode(answer: dict[str, Any]) -> int:
    code = answer.get("errcode", 0)
    return code if isinstance(code, int) else -1


def _raise_for(answer: dict[str, Any], path: str, *, invalid_code: type[AppError]) -> None:
    """Raise the refusal for an error code. A code about our own configuration becomes WxUnavailable (503)."""
    code = _errcode(answer)
    if code == 0:
        return
    _log.warning("wechat_refused", path=path, errcode=code)
    if code in _CODE_INVALID:
        raise invalid_code
    if code == _RATE_LIMITED:
        raise WxRateLimited(retry_after_s=_RATE_RETRY_AFTER_S)
    if code == _BLOCKED:
        raise WxUserBlocked
    raise WxUnavailable
