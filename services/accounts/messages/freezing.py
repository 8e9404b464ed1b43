"""Consumer of `accounting.freezes.v1`: tells the owner that the account is frozen, if they asked for it."""

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.messages import service
from services.accounts.messages.templates import MessageKind
from shared.contracts.freezes_v1 import FreezeChanged
from shared.db import Session
from shared.projection import Items


async def handle_freezes(session: Session, items: Items[FreezeChanged]) -> None:
    """Queue a message for each person whose account is frozen by now. A repeated record queues nothing.

    A freeze that has ended within the same batch causes no message.
    """
    newest = {change.account_id: change for _, change in items}
    frozen = [change for change in newest.values() if change.frozen]
    owners = await carbon_accounts.find_owners(session, account_ids=[change.account_id for change in frozen])
    known = [(owners[change.account_id], change) for change in frozen if change.account_id in owners]
    for user_id, change in sorted(known, key=lambda one: one[0]):  # one order of locks
        await service.queue(
            session,
            user_id=user_id,
            kind=MessageKind.ACCOUNT_FROZEN,
            key=change.changed_at.isoformat(),
            values={"at": change.changed_at},
        )
