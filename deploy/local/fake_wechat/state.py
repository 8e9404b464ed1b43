"""What the server knows: its credentials, its token, its users, and the faults that a test asked for."""

import base64
import hashlib
import re
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

TOKEN_LIFE_S = 7200
LONG_AGO = 0.0
# WeChat lets one user log in a hundred times a minute, and checks texts only of users it saw within two hours.
LOG_INS_PER_MINUTE = 100
SEEN_FOR_S = 2 * 3600

MESSAGES = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40037: "invalid template_id",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40163: "code been used",
    40226: "code blocked",
    41030: "invalid page",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid!",
    61010: "code is expired",
}
_LOG_IN_CODE = re.compile(r"dev:([A-Za-z0-9_-]{1,64})|dev-once:([A-Za-z0-9_-]{1,64}):[A-Za-z0-9_-]{1,40}")
_PHONE_CODE = re.compile(r"dev-phone:([0-9]{11})")
_ERROR_CODE = re.compile(r"dev-error:(-?[0-9]{1,6})")


def error(errcode: int, about: str = "") -> dict[str, Any]:
    """Return a failure in the words of WeChat."""
    text = MESSAGES.get(errcode, "error") + (f" {about}" if about else "")
    return {"errcode": errcode, "errmsg": f"{text}, rid: {secrets.token_hex(8)}"}


@dataclass
class Fault:
    """What a path does the next `times` times instead of answering properly.

    `delay_s` comes before the work, `late_s` after it: the answer to a message that was sent is late.
    """

    path: str
    times: int = 1
    errcode: int | None = None
    raw: str | None = None
    status: int = 200
    delay_s: float = 0.0
    late_s: float = 0.0


@dataclass
class User:
    openid: str
    session_key: str
    seen_at_s: float = LONG_AGO
    refused: set[str] = field(default_factory=set)  # ids of templates; "*" is all
    steps: dict[str, int] = field(default_factory=dict)  # by day
    minute: int = 0
    log_ins: int = 0


class FakeWechat:
    """State of one server."""

    def __init__(self, app_id: str, app_secret: str) -> None:
        self.app_id, self._app_secret = app_id, app_secret
        self._token = ""
        self._token_until_s = LONG_AGO
        self._used: set[str] = set()
        self.users: dict[str, User] = {}
        self.faults: list[Fault] = []
        self.calls: Counter[str] = Counter()
        self.received: list[dict[str, Any]] = []
        self.quotas: dict[str, int] = {}  # calls that are left, by path

    def reset(self) -> None:
        """Forget users, messages and faults. The token stays valid."""
        for kept in (self.faults, self.quotas, self.received, self.users, self.calls, self._used):
            kept.clear()

    def refusal(self, app_id: str | None, secret: str | None) -> int | None:
        """Return the errcode for wrong credentials of the mini-program, None for correct ones."""
        if app_id != self.app_id:
            return 40013
        return None if secret == self._app_secret else 40125

    def token(self, *, force: bool) -> dict[str, Any]:
        """Return the current token. A forced or expired token is replaced."""
        now_s = time.monotonic()
        if force or now_s >= self._token_until_s:
            self._token = f"dev_{secrets.token_hex(32)}"
            self._token_until_s = now_s + TOKEN_LIFE_S
        return {"access_token": self._token, "expires_in": int(self._token_until_s - now_s)}

    def forget_token(self) -> None:
        """Let the next call with the present token fail."""
        self._token_until_s = LONG_AGO

    def is_current_token(self, token: str | None) -> bool:
        """Whether this is the token issued last and it has not expired."""
        return bool(self._token) and token == self._token and time.monotonic() < self._token_until_s

    def user(self, openid: str) -> User:
        return self.users.setdefault(openid, User(openid, first_key(openid)))

    def log_in(self, code: str) -> dict[str, Any]:
        """Return the answer to a code: open id and the user's present session key."""
        asked = _ERROR_CODE.fullmatch(code)
        found = _LOG_IN_CODE.fullmatch(code)
        if asked or found is None:
            return error(int(asked.group(1)) if asked else 40029)
        user = self.user(found.group(1) or found.group(2))
        if found.group(2):
            if code in self._used:
                return error(40163)
            self._used.add(code)
        if not self._counted(user):
            return error(45011)
        user.seen_at_s = time.time()
        return {"session_key": user.session_key, "openid": user.openid}

    def _counted(self, user: User) -> bool:
        minute = int(time.time()) // 60
        user.log_ins = user.log_ins + 1 if user.minute == minute else 1
        user.minute = minute
        return user.log_ins <= self.quotas.get("log_ins_per_minute", LOG_INS_PER_MINUTE)

    def new_code(self, openid: str) -> str:
        """What `wx.login` does: a code for one use, and a new session key."""
        self.user(openid).session_key = base64.b64encode(secrets.token_bytes(16)).decode()
        return f"dev-once:{openid}:{secrets.token_hex(8)}"

    def phone(self, code: str) -> dict[str, Any]:
        """Return `phone_info` in the shape of WeChat."""
        asked = _ERROR_CODE.fullmatch(code)
        found = _PHONE_CODE.fullmatch(code)
        if asked or found is None:
            return error(int(asked.group(1)) if asked else 40029)
        plain = {"phoneNumber": found.group(1), "purePhoneNumber": found.group(1), "countryCode": "86"}
        return {"errcode": 0, "errmsg": "ok", "phone_info": {**plain, "watermark": self.watermark()}}

    def watermark(self) -> dict[str, Any]:
        return {"timestamp": int(time.time()), "appid": self.app_id}

    def over_quota(self, path: str) -> bool:
        """Take one call off the quota of a path, if a test has given it one."""
        if path not in self.quotas:
            return False
        self.quotas[path] -= 1
        return self.quotas[path] < 0

    def next_fault(self, path: str) -> Fault | None:
        """Take the next fault of a path."""
        for one in self.faults:
            if one.path == path and one.times > 0:
                one.times -= 1
                return one
        return None


def first_key(openid: str) -> str:
    """The session key before the phone's first `wx.login`."""
    return base64.b64encode(hashlib.sha256(openid.encode()).digest()[:16]).decode()
