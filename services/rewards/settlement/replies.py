"""Makes the engine's origin from a request, and the response from the engine's reply."""

import json
from typing import Any, Final

from fastapi import Response

from services.rewards.settlement.engine import Reply
from services.rewards.settlement.schemas import Spending
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


def origin_of(citizen: CitizenIdentity, key: Key, language: Language, payer: Spending) -> Origin:
    """`payer`: whose grams are spent. Accounting decides whether this citizen may."""
    is_other = payer.account_id not in {None, citizen.account_id}
    return Origin(
        user_id=citizen.user_id,
        account_id=payer.account_id or citizen.account_id,
        spender_id=citizen.account_id if is_other else None,
        agreement_id=payer.agreement_id if is_other else None,
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
