"""Makes the engine's origin from a request, and the response from the engine's reply."""

import json
from typing import Any, Final

from fastapi import Response

from services.rewards.settlement.engine import Reply
from services.rewards.settlement.service import Origin
from shared import telemetry
from shared.auth.tokens import CitizenIdentity
from shared.idempotency import REPLAYED_HEADER, Key
from shared.language import Language
from shared.problems import MEDIA_TYPE

REPLY_HEADERS: Final[dict[str, Any]] = {
    REPLAYED_HEADER: {
        "description": "true：与此前的回答相同 A repeat of an earlier answer",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def origin_of(citizen: CitizenIdentity, key: Key, language: Language) -> Origin:
    return Origin(
        user_id=citizen.user_id,
        account_id=citizen.account_id,
        idempotency_key=key.value,
        language=language,
        request_id=telemetry.current_request_id(),
    )


def respond(reply: Reply) -> Response:
    """Make the response. The first answer and its repeats have the same members."""
    return Response(
        json.dumps(reply.body, ensure_ascii=False).encode("utf-8", "replace"),
        status_code=reply.status,
        headers={REPLAYED_HEADER: "true"} if reply.replayed else None,
        media_type=MEDIA_TYPE if reply.status >= 400 else "application/json",
    )
