"""Client of WeChat: what each call asks and what its answer means."""

import re
from typing import Any, Final

import httpx
import structlog
from pydantic import SecretStr

from services.accounts.wechat.answers import TextAnswer, WeChatLogIn, WeChatRefusal
from services.accounts.wechat.errors import (
    WxCodeInvalid,
    WxPhoneCodeInvalid,
    WxRateLimited,
    WxUnavailable,
    WxUserBlocked,
)
from services.accounts.wechat.transport import WeChatTransport, as_object, errcode
from shared.errors import AppError

_RATE_RETRY_AFTER_S = 60
# A code of 1280 pixels has about 200 kB.
_IMAGE_BYTES_MAX = 1024 * 1024

_LOG_IN = "/sns/jscode2session"
_PHONE = "/wxa/business/getuserphonenumber"
_MESSAGE = "/cgi-bin/message/subscribe/send"
_TEXT = "/wxa/msg_sec_check"
_QR = "/wxa/getwxacodeunlimit"

_CODE_INVALID = frozenset({40029, 40163})
_RATE_LIMITED = 45011
_BLOCKED = 40226
_OPENID = re.compile(r"[A-Za-z0-9_:.-]{1,128}")
_SESSION_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_IMAGES: Final = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n": "image/png"}

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
        self._wechat = WeChatTransport(base_url=base_url, app_id=app_id, app_secret=app_secret, transport=transport)
        self.app_id = app_id

    async def stop(self) -> None:
        await self._wechat.stop()

    async def fetch_openid(self, code: str) -> str:
        """Fetch the open id for a code of `wx.login`. The session key that comes with it is dropped.

        Raises WxCodeInvalid, WxRateLimited, WxUserBlocked, WxBusy, WxUnavailable.
        """
        return _openid(await self._exchange(code))

    async def fetch_log_in(self, code: str) -> WeChatLogIn:
        """Fetch open id and session key, which decrypts what the phone encrypted. Raises as `fetch_openid`."""
        answer = await self._exchange(code)
        key = answer.get("session_key")
        if not isinstance(key, str) or not _SESSION_KEY.fullmatch(key):
            _log.warning("wechat_answer_malformed", path=_LOG_IN)
            raise WxUnavailable
        return WeChatLogIn(_openid(answer), SecretStr(key))

    async def _exchange(self, code: str) -> dict[str, Any]:
        params = {**self._wechat.credentials(), "js_code": code, "grant_type": "authorization_code"}
        answer = await self._wechat.call("log_ins", "GET", _LOG_IN, params=params)
        _raise_for(answer, _LOG_IN, invalid_code=WxCodeInvalid)
        return answer

    async def fetch_phone(self, code: str) -> str:
        """Fetch the phone number (E.164, `+8613…`) for a code of the getPhoneNumber button. WeChat charges per success.

        Raises WxPhoneCodeInvalid, WxRateLimited, WxUserBlocked, WxBusy, WxUnavailable.
        """
        answer = await self._wechat.call_as_server("phones", _PHONE, {"code": code})
        _raise_for(answer, _PHONE, invalid_code=WxPhoneCodeInvalid)
        info = answer.get("phone_info")
        # The country code is documented as text. WeChat's sample shows a number.
        number = f"+{info.get('countryCode')}{info.get('purePhoneNumber')}" if isinstance(info, dict) else ""
        if not _E164.fullmatch(number):
            _log.warning("wechat_answer_malformed", path=_PHONE)
            raise WxUnavailable
        return number

    async def prepare_messages(self) -> None:
        """Fetch the server token that messages need. Raises WxBusy, WxUnavailable: nothing was sent."""
        await self._wechat.server_token()

    async def send_message(self, *, openid: str, template_id: str, page: str, data: dict[str, str], state: str) -> None:
        """Send a subscribe message. Raises WeChatRefusal: WeChat did not take it.

        Raises WxBusy, WxUnreachable (nothing was sent), WxUnavailable (WeChat may have sent it).
        """
        body = {
            "touser": openid,
            "template_id": template_id,
            "page": page,
            "data": {keyword: {"value": value} for keyword, value in data.items()},
            "miniprogram_state": state,
            "lang": "zh_CN",
        }
        _require_taken(await self._wechat.call_as_server("messages", _MESSAGE, body), _MESSAGE)

    async def check_text(self, *, openid: str, scene: int, text: str) -> TextAnswer:
        """Ask whether a text is harmless. Raises WeChatRefusal, WxBusy, WxUnavailable."""
        body = {"version": 2, "openid": openid, "scene": scene, "content": text}
        answer = await self._wechat.call_as_server("texts", _TEXT, body)
        _require_taken(answer, _TEXT)
        result = answer.get("result")
        suggest = result.get("suggest") if isinstance(result, dict) else None
        label = result.get("label") if isinstance(result, dict) else None
        if suggest not in {"pass", "review", "risky"} or not isinstance(label, int):
            _log.warning("wechat_answer_malformed", path=_TEXT)
            raise WxUnavailable
        return TextAnswer(suggest, label)

    async def fetch_qr_code(self, *, scene: str, page: str, env_version: str) -> tuple[bytes, str]:
        """Return the image of an unlimited code and its media type. Raises WeChatRefusal, WxBusy, WxUnavailable."""
        body = {"scene": scene, "page": page, "env_version": env_version, "check_path": env_version == "release"}
        content = await self._wechat.fetch_as_server("images", _QR, body, bytes_max=_IMAGE_BYTES_MAX)
        for mark, media_type in _IMAGES.items():
            if content.startswith(mark):
                return content, media_type
        _require_taken(as_object(content, _QR), _QR)
        _log.warning("wechat_answer_malformed", path=_QR)
        raise WxUnavailable


def _openid(answer: dict[str, Any]) -> str:
    openid = answer.get("openid")
    if not isinstance(openid, str) or not _OPENID.fullmatch(openid):
        _log.warning("wechat_answer_malformed", path=_LOG_IN)
        raise WxUnavailable
    return openid


def _require_taken(answer: dict[str, Any], path: str) -> None:
    code = errcode(answer)
    if code != 0:
        _log.warning("wechat_refused", path=path, errcode=code)
        raise WeChatRefusal(code)


def _raise_for(answer: dict[str, Any], path: str, *, invalid_code: type[AppError]) -> None:
    """Raise the refusal for an error code. A code about our own configuration becomes WxUnavailable (503)."""
    code = errcode(answer)
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
