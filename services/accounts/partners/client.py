"""Client of the ingest service, which owns partners and their keys. It calls the internal routes."""

import asyncio
import base64
from collections.abc import Mapping
from datetime import date
from typing import Any

import httpx
import structlog
from pydantic import BaseModel, Field, SecretStr, ValidationError

from services.accounts.partners.domain import Partner, VerifiedSigner
from services.accounts.partners.errors import PartnerSignatureInvalid, PartnersUnavailable
from shared.auth.tokens import ServiceTokens
from shared.errors import Unauthenticated
from shared.httpclient import ServiceAuth, new_client

# A city has dozens of partners. A longer list is a faulty answer.
PARTNERS_MAX = 2_000
_ANSWER_BYTES_MAX = 4 * 1024 * 1024
_CALL_TIMEOUT_S = 5
_REASON_CHARS_MAX = 64

_log = structlog.get_logger(__name__)


class _Signer(BaseModel):
    partner_id: str = Field(min_length=1, max_length=64)
    nonce: str = Field(min_length=16, max_length=64)


class IngestClient:
    def __init__(
        self, *, base_url: str, service_key: SecretStr, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = new_client(base_url, transport=transport)
        self._auth = ServiceAuth(ServiceTokens(service_key.get_secret_value(), "accounts"), "ingest")

    async def stop(self) -> None:
        await self._http.aclose()

    async def fetch_partners(self) -> Mapping[str, Partner]:
        """Fetch all partners by id. A malformed entry is left out, the others stay. Raises PartnersUnavailable."""
        status, document = await self._call("GET", "/internal/ingest/partners")
        items = document.get("items") if isinstance(document, dict) else None
        if status != 200 or not isinstance(items, list) or len(items) > PARTNERS_MAX:
            _log.warning("partners_answer_malformed", status=status)
            raise PartnersUnavailable
        found: dict[str, Partner] = {}
        for item in items:
            try:
                partner = Partner.model_validate(item)
            except ValidationError as exc:
                _log.warning("partner_entry_malformed", fields=[".".join(map(str, e["loc"])) for e in exc.errors()])
                continue
            found[partner.partner_id] = partner
        return found

    async def verify_signature(
        self, *, method: str, target: str, authorization: str, body: bytes, address: str | None
    ) -> VerifiedSigner:
        """Ask ingest which partner signed a request. `target`: path and query as sent; `address`: the client's.

        Raises PartnerSignatureInvalid, PartnersUnavailable.
        """
        status, document = await self._call(
            "POST",
            "/internal/ingest/verify-signature",
            {
                "method": method,
                "target": target,
                "authorization": authorization,
                "body_base64": base64.b64encode(body).decode(),
                "address": address,
            },
        )
        if status in {401, 403}:  # 403: valid, but partner suspended, wrong address or sandbox key
            reason = str(document.get("code", "")) if isinstance(document, dict) else ""
            if reason == Unauthenticated.code:  # ingest refused our service token, not the partner
                _log.error("service_token_refused", by="ingest")
                raise PartnersUnavailable
            raise PartnerSignatureInvalid(extensions={"reason_code": reason[:_REASON_CHARS_MAX]})
        try:
            if status != 200:
                raise ValueError  # noqa: TRY301 - one exit for all unusable answers
            signer = _Signer.model_validate(document)
        except ValueError:
            _log.warning("verify_signature_answer_malformed", status=status)
            raise PartnersUnavailable from None
        return VerifiedSigner(signer.partner_id, signer.nonce)

    async def report_steps(self, *, account_no: str, city_code: str, days: Mapping[date, int]) -> None:
        """Report steps by day as the source `wechat`. Returns once the log has them. Raises PartnersUnavailable."""
        status, _ = await self._call(
            "POST",
            "/internal/ingest/reports",
            {
                "partner_id": "wechat",
                "account_ref": {"type": "account_no", "value": account_no},
                "city_code": city_code,
                "days": [{"day": day.isoformat(), "steps": steps} for day, steps in days.items()],
            },
        )
        if status != 202:
            _log.warning("steps_not_accepted", status=status)
            raise PartnersUnavailable

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        try:
            async with asyncio.timeout(_CALL_TIMEOUT_S):
                answer = await self._http.request(method, path, json=body, auth=self._auth)
            if len(answer.content) > _ANSWER_BYTES_MAX:
                raise ValueError("answer too large")  # noqa: TRY301 - one exit for all unusable answers
            return answer.status_code, answer.json()
        except (httpx.HTTPError, TimeoutError, OSError, ValueError) as exc:
            _log.warning("ingest_call_failed", path=path, error=type(exc).__name__)
            raise PartnersUnavailable from exc
