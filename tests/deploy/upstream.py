"""A stand-in for all four services behind a gateway under test. It echoes each request."""

import hashlib
import threading
import time
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.ports import free_port

ISSUER, AUDIENCE = "carbon-inclusion", "carbon-api"


class Upstream:
    """Echoes requests as JSON and publishes the keys of the tokens it issues."""

    def __init__(self, *, keys: str | None = None) -> None:
        """`keys`: publish this text in place of the keys."""
        self._published = keys
        self._key = Ed25519PrivateKey.generate()
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.kid = hashlib.sha256(raw).hexdigest()[:16]
        self.port = free_port()
        routes = [
            Route("/api/v1/accounts/.well-known/jwks.json", self._jwks),
            Route("/{path:path}", self._echo, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=self.port, log_level="critical")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    def token(self, subject: str = "someone", **changed: Any) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": [AUDIENCE], "sub": subject, "iat": now, "exp": now + 60, **changed}
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self.kid, "typ": "at+jwt"})

    def public_key_text(self) -> str:
        """Return the public key as it would serve as an HMAC secret by mistake."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    async def _jwks(self, _: Request) -> Response:
        if self._published is not None:
            return Response(self._published, media_type="application/json")
        key = jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**key, "kid": self.kid, "alg": "EdDSA", "use": "sig"}]})

    async def _echo(self, request: Request) -> JSONResponse:
        body = await request.body()
        headers = dict(request.headers)
        received = {"method": request.method, "path": request.url.path, "query": request.url.query}
        answer_headers = {"X-Request-Id": headers.get("x-request-id", "")}
        status = int(request.query_params.get("answer", 200))
        return JSONResponse({**received, "headers": headers, "bytes": len(body)}, status, answer_headers)
