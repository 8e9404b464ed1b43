"""Callers of the API: citizens, an operator with every scope, a signing partner."""

import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from deploy.demo.gateway import Partner
from deploy.local.settings import SERVICES
from shared.auth import cp1

POLICY_VERSION = "2026-11"
TRIES_MAX = 10


def is_partner_route(path: str) -> bool:
    """Whether the route takes a signature instead of a token."""
    return (path.startswith("/api/v1/ingest/") and "/ops/" not in path) or "/partner/" in path


@dataclass(frozen=True)
class Citizen:
    token: str
    account_no: str


class Callers:
    """Reads `credentials.json` of a running stack."""

    def __init__(self, credentials: Path) -> None:
        content = json.loads(credentials.read_text())
        self.url: str = content["gateway_url"]
        self.ops_token: str = content["ops_token"]
        self._prefix: str = content["wechat_code_prefix"]
        self.partners = {
            p["partner_id"]: Partner(p["partner_id"], p["name"], p["source"], p["app_key"], p["secret"])
            for p in content["partners"]
        }
        self.partner = self.partners["sandbox"]
        self._run = secrets.token_hex(4)
        self._citizens_made = 0
        self._client = httpx.Client(base_url=self.url, trust_env=False, timeout=20)

    def close(self) -> None:
        self._client.close()

    def openapi(self, service: str) -> dict[str, object]:
        answer = self._client.get(f"/api/v1/{service}/openapi.json")
        answer.raise_for_status()
        document: dict[str, object] = answer.json()
        return document

    def documents(self) -> dict[str, dict[str, object]]:
        return {service: self.openapi(service) for service in SERVICES}

    def new_citizen(self, partners: tuple[str, ...] = ()) -> Citizen:
        """Open an account for a new citizen, so that one case does not affect the next."""
        self._citizens_made += 1
        session = self._post(
            "/api/v1/accounts/sessions", {"code": f"{self._prefix}fuzz-{self._run}-{self._citizens_made}"}
        )
        me = {"Authorization": f"Bearer {session['access_token']}"}
        account = self._post(
            "/api/v1/accounts/me/carbon-account", {"consent": {"policy_version": POLICY_VERSION}}, headers=me
        )
        for partner_id in partners:
            # Events have whole seconds. A binding from now on could begin a fraction of a second after the event.
            since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
            binding = {"partner_id": partner_id, "mode": "account_no", "counts_from": since}
            self._post("/api/v1/accounts/me/bindings", binding, headers=me)
        return Citizen(session["access_token"], account["account_no"])

    def _post(self, path: str, body: object, headers: dict[str, str] | None = None) -> dict[str, str]:
        for _ in range(TRIES_MAX):
            answer = self._client.post(path, json=body, headers=headers)
            if answer.status_code != 429:
                break
            time.sleep(float(answer.headers.get("retry-after", "1")))  # one address opens all accounts
        answer.raise_for_status()
        content: dict[str, str] = answer.json()
        return content

    def authorization(self, method: str, target: str, body: bytes, citizen: Citizen, partner_id: str = "") -> str:
        """Return the Authorization header for this request. `target`: path and query as sent."""
        path = target.partition("?")[0]
        if is_partner_route(path):
            partner = self.partners[partner_id] if partner_id else self.partner
            return cp1.authorization(
                app_key=partner.app_key,
                secret=partner.secret,
                method=method,
                target=target,
                timestamp=int(time.time()),
                nonce=secrets.token_hex(16),
                body=body,
            )
        return f"Bearer {self.ops_token if '/ops/' in path else citizen.token}"
