"""A bike-share company's OAuth 2.0 server for development: its customers confirm that they are bound.

It holds the rules that a real one must: registered redirect addresses compared as text (RFC 6749 3.1.2.3), PKCE with
S256 only (RFC 7636), codes that work once within a minute and end their tokens when used again (RFC 6749 4.1.2), the
issuer in every answer (RFC 9207), revocation (RFC 7009). State lives in memory.
"""

import base64
import hashlib
import hmac
import html
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

CODE_LIFE_S = 60.0
TOKEN_LIFE_S = 3600
_FORM_BYTES_MAX = 16 * 1024
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_CUSTOMER = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Registration:
    """Our programme as the company registered it."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass
class _Code:
    customer: str
    challenge: str
    redirect_uri: str
    expires_at: float
    grant: "_Grant | None" = None


@dataclass
class _Grant:
    """What one confirmation gave. It lives until revoked."""

    customer: str
    access_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    refresh_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    revoked: bool = False


class OauthPartner:
    """`revocation_is_down` is for tests: the address then answers 503."""

    def __init__(self, registration: Registration, now: Callable[[], float] = time.monotonic) -> None:
        self._ours = registration
        self._now = now
        self._codes: dict[str, _Code] = {}
        self._grants: list[_Grant] = []
        self.revocation_is_down = False

    def live_grants(self, customer: str) -> int:
        return sum(grant.customer == customer and not grant.revoked for grant in self._grants)

    def open_id(self, customer: str) -> str:
        """Return the id that events of this customer carry. It differs from the customer's number."""
        return "u" + hashlib.sha256(f"{self._ours.client_id}:{customer}".encode()).hexdigest()[:24]

    def refusal_without_redirect(self, asked: Mapping[str, str]) -> str | None:
        """A wrong client or redirect address is told here: the browser must not be sent there."""
        if asked.get("client_id") != self._ours.client_id:
            return "unknown client"
        return None if asked.get("redirect_uri") == self._ours.redirect_uri else "redirect address is not registered"

    def refusal(self, asked: Mapping[str, str]) -> str | None:
        """Return the error that the redirect carries, None for a request in order."""
        if asked.get("response_type") != "code":
            return "unsupported_response_type"
        proof = asked.get("code_challenge", "")
        if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(proof):
            return "invalid_request"
        return None if asked.get("state") else "invalid_request"

    def answer(self, asked: Mapping[str, str], **members: str) -> Response:
        """Send the browser back with `members`, the state and the issuer."""
        state = {"state": asked["state"]} if asked.get("state") else {}
        query = urlencode({**members, **state, "iss": self._ours.issuer})
        return RedirectResponse(f"{self._ours.redirect_uri}?{query}", status_code=303)

    def issue_code(self, asked: Mapping[str, str], customer: str) -> str:
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(customer, asked["code_challenge"], asked["redirect_uri"], self._now() + CODE_LIFE_S)
        return code

    def knows(self, asked: Mapping[str, str]) -> bool:
        """Whether client id and secret are ours."""
        secret = asked.get("client_secret", "")
        return asked.get("client_id") == self._ours.client_id and hmac.compare_digest(
            secret.encode(), self._ours.client_secret.encode()
        )

    def exchange(self, asked: Mapping[str, str]) -> _Grant | None:
        """Return the grant for a code, or None. A code used again ends what it gave before."""
        code = self._codes.get(asked.get("code", ""))
        if code is None or asked.get("grant_type") != "authorization_code":
            return None
        if code.grant is not None:
            code.grant.revoked = True
            return None
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        in_order = (
            code.expires_at > self._now()
            and code.redirect_uri == asked.get("redirect_uri")
            and hmac.compare_digest(proof, code.challenge)
        )
        if not in_order:
            del self._codes[asked["code"]]
            return None
        code.grant = _Grant(code.customer)
        self._grants.append(code.grant)
        return code.grant

    def revoke(self, token: str) -> None:
        """End the grant of a token. An unknown token is no error (RFC 7009 2.2)."""
        for grant in self._grants:
            if token and token in {grant.access_token, grant.refresh_token}:
                grant.revoked = True


async def form_of(request: Request) -> dict[str, str]:
    """Read a form or JSON object of text fields. A field given twice is dropped, as RFC 6749 3.2 forbids it."""
    body = await request.body()
    if len(body) > _FORM_BYTES_MAX:
        return {}
    if request.headers.get("content-type", "").startswith("application/json"):
        document = await request.json()
        return {name: value for name, value in document.items() if isinstance(value, str)}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def _page(asked: Mapping[str, str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in asked.items()
    )
    return (
        '<!doctype html><html lang="zh"><meta charset="utf-8"><title>共享单车</title>'
        f'<form method="post"><p>把骑行记入碳账户 Count my rides</p>{hidden}'
        '<label>会员号 Member <input name="customer" required></label>'
        '<button name="decision" value="allow">同意 Allow</button>'
        '<button name="decision" value="deny">不同意 Deny</button></form></html>'
    )


def router_of(partner: OauthPartner) -> APIRouter:
    router = APIRouter()
    _add_pages(router, partner)
    _add_endpoints(router, partner)
    return router


def _add_pages(router: APIRouter, partner: OauthPartner) -> None:
    """What the customer's browser calls."""

    @router.get("/oauth/authorize")
    async def show(request: Request) -> Response:
        asked = dict(request.query_params)
        wrong = partner.refusal_without_redirect(asked)
        if wrong is not None:
            return JSONResponse({"error": "invalid_request", "error_description": wrong}, status_code=400)
        error = partner.refusal(asked)
        return HTMLResponse(_page(asked)) if error is None else partner.answer(asked, error=error)

    @router.post("/oauth/authorize")
    async def decide(request: Request) -> Response:
        """The log-in of this company is the member's number: it is for development."""
        asked = {**dict(request.query_params), **await form_of(request)}
        wrong = partner.refusal_without_redirect(asked)
        if wrong is not None:
            return JSONResponse({"error": "invalid_request", "error_description": wrong}, status_code=400)
        error = partner.refusal(asked)
        if error is None and (asked.get("decision") != "allow" or not _CUSTOMER.fullmatch(asked.get("customer", ""))):
            error = "access_denied"
        if error is not None:
            return partner.answer(asked, error=error)
        return partner.answer(asked, code=partner.issue_code(asked, asked["customer"]))


def _add_endpoints(router: APIRouter, partner: OauthPartner) -> None:
    """What our service calls, and a look for tests."""

    @router.post("/oauth/token")
    async def token(request: Request) -> JSONResponse:
        asked = await form_of(request)
        headers = {"Cache-Control": "no-store"}
        if not partner.knows(asked):
            return JSONResponse({"error": "invalid_client"}, status_code=401, headers=headers)
        grant = partner.exchange(asked)
        if grant is None:
            return JSONResponse({"error": "invalid_grant"}, status_code=400, headers=headers)
        answer = {
            "access_token": grant.access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFE_S,
            "refresh_token": grant.refresh_token,
            "open_id": partner.open_id(grant.customer),
        }
        return JSONResponse(answer, headers=headers)

    @router.post("/oauth/revoke")
    async def revoke(request: Request) -> Response:
        asked = await form_of(request)
        if partner.revocation_is_down:
            return JSONResponse({"error": "temporarily_unavailable"}, status_code=503)
        if not partner.knows(asked):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        partner.revoke(asked.get("token", ""))
        return Response(status_code=200)

    @router.get("/customers/{customer}")
    async def customer(customer: str) -> dict[str, str | int]:
        """For tests and demos: the id in events, and how many confirmations live."""
        return {"open_id": partner.open_id(customer), "live_grants": partner.live_grants(customer)}
