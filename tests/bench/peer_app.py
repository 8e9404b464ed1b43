"""Peer of the services behind an equal gateway: routes with only the unavoidable work.

Intake: read the body and check its HMAC. Reads: one row by primary key, in a session like the services' own.
"""

import base64
import hmac
import os

from fastapi import FastAPI, Request
from sqlalchemy import text
from starlette.responses import Response

from shared.auth import cp1
from shared.db import Database, Session


def create_app() -> FastAPI:
    app = FastAPI(openapi_url=None)
    secret = os.environ["PEER_SECRET"].encode()
    app.state.db = Database(os.environ["PEER_DATABASE_URL"])

    @app.post("/api/v1/ingest/events")
    async def intake(request: Request) -> Response:
        body = await request.body()
        credential = cp1.parse_authorization(request.headers["authorization"])
        assert credential is not None
        message = cp1.string_to_sign(
            method="POST",
            target=request.url.path,
            timestamp=credential.timestamp,
            nonce=credential.nonce,
            body=body,
        )
        if not hmac.compare_digest(hmac.digest(secret, message, "sha256"), credential.signature):
            return Response(status_code=401)
        return Response(b"{}", status_code=202, media_type="application/json")

    @app.get("/api/v1/accounting/methodologies")
    async def read(session: Session, id: str) -> dict[str, int]:  # noqa: A002 -- the query's own name
        row = await session.execute(
            text("SELECT balance_mg FROM accounting.ledger_account WHERE account_id = CAST(:id AS uuid)"), {"id": id}
        )
        return {"balance_mg": row.scalar_one()}

    @app.get("/readyz")
    async def ready() -> Response:
        return Response(base64.b64encode(b"ready"))

    return app
