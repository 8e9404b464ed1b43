"""The caller's key, from the environment or a credentials file, and its signatures."""

import json
import secrets
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from deploy.tph.errors import CommandError
from shared.auth import cp1, signers


@dataclass(frozen=True)
class Identity:
    """A key and its gateway. `secret` is the shared secret or the private key (PEM; for SM2 64 hex digits)."""

    gateway_url: str
    app_key: str
    secret: str = field(repr=False)
    algorithm: str = cp1.HMAC_SHA256

    @cached_property
    def _signer(self) -> Any:
        try:
            return signers.signer_of(self.algorithm, self.secret)
        except signers.KeyUnusable as exc:
            raise CommandError(
                f"密钥与算法 {self.algorithm} 不符", f"The key does not fit {self.algorithm}: {exc}"
            ) from exc

    def authorization(
        self, method: str, target: str, body: bytes, *, timestamp: int | None = None, nonce: str | None = None
    ) -> str:
        """The Authorization header of one request. `target` is path and query as sent."""
        return signers.signed_header(
            self._signer,
            algorithm=self.algorithm,
            app_key=self.app_key,
            method=method,
            target=target,
            timestamp=int(time.time()) if timestamp is None else timestamp,
            nonce=nonce or secrets.token_hex(16),
            body=body,
        )


def load_identity(
    *, credentials: Path, partner: str, gateway: str, app_key: str, secret: str, key_file: Path | None, algorithm: str
) -> Identity:
    """Explicit values take precedence. The others come from the credentials file. Raises CommandError."""
    if key_file is not None:
        secret = key_file.read_text(encoding="utf-8")
    if app_key and secret and gateway:
        return Identity(gateway.rstrip("/"), app_key, secret, algorithm or cp1.HMAC_SHA256)
    try:
        content = json.loads(credentials.read_text(encoding="utf-8"))
        entry = _entry(content, partner) if not (app_key and secret) else {}
        gateway = gateway or content["gateway_url"]
    except FileNotFoundError as exc:
        raise CommandError(
            f"没有 {credentials}；请设置 TPH_GATEWAY_URL、TPH_APP_KEY、TPH_SECRET，或先 make run",
            f"{credentials} is missing: set TPH_GATEWAY_URL, TPH_APP_KEY and TPH_SECRET, or `make run` first",
        ) from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise CommandError(f"{credentials} 内容有误", f"{credentials} cannot be read: {exc!r}") from exc
    return Identity(
        gateway.rstrip("/"),
        app_key or str(entry["app_key"]),
        secret or str(entry["secret"]),
        algorithm or str(entry.get("algorithm", cp1.HMAC_SHA256)),
    )


def _entry(content: dict[str, Any], partner: str) -> dict[str, Any]:
    partners: list[dict[str, Any]] = content["partners"]
    for entry in partners:
        if entry["partner_id"] == partner:
            return entry
    known = ", ".join(str(entry["partner_id"]) for entry in partners)
    raise CommandError(
        f"请用 --partner 选择合作方：{known}", f"Choose a partner with --partner or TPH_PARTNER: {known}"
    )
