"""The two operators of the local stack: as the identity provider and local accounts know them, and their log-in."""

import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pyotp

from deploy.local.secrets_file import FIRST_OPERATOR, SECOND_OPERATOR, Secrets
from deploy.local.settings import LocalSettings

CLIENT_ID = "carbon-operators"
# Both may do everything, so that each can approve what the other proposes.
ROLES = ("programme-lead",)
NAMES = {FIRST_OPERATOR: "运营一 First operator", SECOND_OPERATOR: "运营二 Second operator"}
_OPS = "/api/v1/accounts/ops"
_TIMEOUT_S = 20


def redirect_uri(settings: LocalSettings) -> str:
    """The provider's own page stands for the operators' console."""
    return f"{settings.url('identity')}/callback"


def provider_environment(settings: LocalSettings, secrets: Secrets) -> dict[str, str]:
    """Variables of the identity provider, without its client secret."""
    users = [
        {"sub": name, "name": shown, "password": secrets.operator(name)[0], "roles": ROLES}
        for name, shown in NAMES.items()
    ]
    return {
        "OIDC_ISSUER": settings.url("identity"),
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_REDIRECT_URI": redirect_uri(settings),
        "OIDC_USERS": json.dumps(users, ensure_ascii=False),
    }


def local_accounts(secrets: Secrets) -> list[dict[str, Any]]:
    """Return the input of `python -m services.accounts.operator_command import`."""
    found = []
    for name in NAMES:
        password, totp_secret = secrets.operator(name)
        found.append({"name": name, "roles": ROLES, "password": password, "totp_secret": totp_secret})
    return found


def describe(settings: LocalSettings, secrets: Secrets) -> str:
    """Return what a person needs to log in as either operator."""
    lines = []
    for name in NAMES:
        password, totp_secret = secrets.operator(name)
        lines.append(f"{name}\n  密码 password   {password}")
        if settings.operators == "local":
            totp = pyotp.TOTP(totp_secret)
            left_s = 30 - int(time.time()) % 30
            lines.append(f"  动态码 code      {totp.now()}  ({left_s} s)")
            lines.append(f"  TOTP            {totp.provisioning_uri(name=name, issuer_name='carbon-inclusion')}")
    lines.append("真正登录 log in for real: .venv/bin/python -m deploy.local log-in ops-local")
    lines.append(f"POST {settings.gateway_url}{_OPS}/{'log-ins' if settings.operators == 'oidc' else 'sessions'}")
    return "\n".join(lines)


def log_in(settings: LocalSettings, secrets: Secrets, name: str) -> dict[str, Any]:
    """Log in through the gateway as a console and a browser do. Return the session. Raises httpx.HTTPError."""
    password, totp_secret = secrets.operator(name)
    with httpx.Client(base_url=settings.gateway_url, trust_env=False, timeout=_TIMEOUT_S) as client:
        if settings.operators == "local":
            code = pyotp.TOTP(totp_secret).now()
            return _post(client, "sessions", {"method": "local", "name": name, "password": password, "code": code})
        started = _post(client, "log-ins", None)
        address = urlsplit(started["authorization_url"])
        form = {**dict(parse_qsl(address.query)), "sub": name, "password": password}
        back = client.post(address._replace(query="").geturl(), data=form)
        location = back.headers.get("location", "")
        if not location:
            back.raise_for_status()
        proof = {key: value for key, value in parse_qsl(urlsplit(location).query) if key in {"code", "state", "iss"}}
        return _post(client, "sessions", {"method": "oidc", **proof, "log_in_secret": started["log_in_secret"]})


def _post(client: httpx.Client, path: str, body: object) -> dict[str, Any]:
    answer = client.post(f"{_OPS}/{path}", json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
