"""The operator of a request to this service: the session of the token must still live.

Other services learn of a revoked session when its last access token expires, at most five minutes later. A token
without a session is one of development or of a test; `PROFILE=production` refuses it (shared/auth/tokens.py).
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends

from services.accounts.operator_sessions import service
from services.accounts.resources import RequestResources
from shared.auth.tokens import Operator, require_scope


def require_live_operator(scope: str) -> Callable[..., Coroutine[Any, Any, Operator]]:
    """Make the dependency of an operator's route: the scope, and a session that lives."""

    async def live_operator(
        operator: Annotated[Operator, Depends(require_scope(scope))], resources: RequestResources
    ) -> Operator:
        if operator.session_id is not None:
            async with resources.database.transaction() as session:
                await service.require_live(session, session_id=operator.session_id, subject=operator.subject)
        return operator

    return live_operator
