"""Requests of a partner to the programme, signed with its key (CP1)."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

import httpx


class SignedRequests:
    def __init__(self, http: httpx.AsyncClient, *, app_key: str, secret: str) -> None:
        self._http, self._app_key, self._secret = http, app_key, secret.encode()

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        raw = b"" if body is None else json.dumps(body).encode()
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        text = f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + raw + b"\n"
        signature = base64.b64encode(hmac.new(self._secret, text, hashlib.sha256).digest()).decode()
        parts = {"app_key": self._app_key, "timestamp": timestamp, "nonce": nonce, "signature": signature}
        credential = ",".join(f'{name}="{value}"' for name, value in parts.items())
        headers = {"Authorization": f"CP1-HMAC-SHA256 {credential}", "Content-Type": "application/json"}
        return await self._http.request(method, path, content=raw, headers=headers)
