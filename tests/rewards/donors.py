"""Enterprises with their members, as accounts publishes them, and teams, for tests of donations."""

import uuid
from typing import Any

import httpx
import msgspec

from services.rewards.enterprises import service as enterprises
from shared import clock
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseFact, EnterpriseMemberChanged
from shared.contracts.identity import enterprise_account_id, person_account_id
from shared.eventlog import StoredRecord
from tests.rewards.conftest import API, Rewards


async def publish(rewards: Rewards, *facts: EnterpriseFact) -> None:
    """Handle facts as the worker does."""
    items = [(StoredRecord("t", 0, 0, b"k", msgspec.json.encode(fact), (), clock.now()), fact) for fact in facts]
    async with rewards.database.transaction() as session:
        await enterprises.handle_facts(session, items)


class Enterprise:
    def __init__(self, rewards: Rewards, name: str) -> None:
        self.rewards, self.name, self.enterprise_id = rewards, name, uuid.uuid4()
        self.account_id = enterprise_account_id(self.enterprise_id)
        self.makers: set[uuid.UUID] = set()

    async def become(self, status: Any, version: int) -> None:
        now = clock.now()
        fact = EnterpriseChanged(
            enterprise_id=self.enterprise_id,
            version=version,
            status=status,
            kinds=("sponsor",),
            account_id=self.account_id,
            name=self.name,
            approved_at=now,
            changed_at=now,
        )
        await publish(self.rewards, fact)

    async def member(self, *roles: Any) -> uuid.UUID:
        """Add a person. Makers may spend, by the fake of accounting."""
        user = self.rewards.citizen(0)
        await self.join(user, *roles)
        return user

    async def join(self, user: uuid.UUID, *roles: Any) -> None:
        now = clock.now()
        fact = EnterpriseMemberChanged(
            membership_id=uuid.uuid4(),
            version=1,
            enterprise_id=self.enterprise_id,
            account_id=person_account_id(user),
            roles=roles,
            since=now,
            changed_at=now,
        )
        await publish(self.rewards, fact)
        if "maker" in roles:
            self.makers.add(person_account_id(user))

    def allows(self, account_id: uuid.UUID, spender_id: uuid.UUID) -> bool:
        return account_id == self.account_id and spender_id in self.makers

    async def donate(self, user: uuid.UUID, amount_mg: int, **changes: str) -> httpx.Response:
        return await self.rewards.donate(user, amount_mg, enterprise_id=str(self.enterprise_id), **changes)


async def new_enterprise(rewards: Rewards, name: str = "江城会展有限公司", balance_mg: int = 10**9) -> Enterprise:
    """An active enterprise with grams. The fake of accounting lets its makers spend, beside those of earlier ones."""
    made = Enterprise(rewards, name)
    await made.become("active", 1)
    rewards.ledger.balances[made.account_id] = balance_mg
    before = rewards.ledger.rule

    def rule(asked: Any) -> str | None:
        if asked.spender is not None and made.allows(asked.account_id, asked.spender.account_id):
            return None
        return before(asked)

    rewards.ledger.rule = rule
    return made


async def ask(
    rewards: Rewards, user: uuid.UUID, method: str, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    return await rewards.client.request(
        method, f"{API}{path}", json=body, headers={**rewards.tokens.citizen(user), **headers}
    )
