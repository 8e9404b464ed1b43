"""The dependency of every route whose path names an enterprise: the citizen's token, and the role of the citizen.

    Maker = Annotated[EnterpriseActor, Depends(require_enterprise_role("maker"))]

    @router.post("/enterprises/{enterprise_id}/batches")
    async def draft_batch(actor: Maker, …) -> …

The check has a transaction of its own. A use case that must not race the end of a role or a suspension asks
`service.require_role` again in its own transaction.
"""

import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from services.accounting.enterprises import service
from services.accounting.enterprises.service import EnterpriseActor
from shared.auth.tokens import Citizen
from shared.contracts.enterprises_v1 import EnterpriseRole
from shared.db import RequestDatabase


def require_enterprise_role(
    *roles: EnterpriseRole, acting: bool = True
) -> Callable[..., Coroutine[Any, Any, EnterpriseActor]]:
    """Make the dependency. No role: any member. `acting` False is for routes that only show something."""

    async def enterprise_actor(
        enterprise_id: uuid.UUID, citizen: Citizen, database: RequestDatabase
    ) -> EnterpriseActor:
        async with database.transaction() as session:
            return await service.require_role(
                session, enterprise_id=enterprise_id, person_id=citizen.account_id, roles=roles, acting=acting
            )

    return enterprise_actor
