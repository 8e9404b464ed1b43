"""Who acts for an enterprise: the same token, the path names the enterprise, the role comes from the projection."""

import itertools
import random
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends

from services.accounting.decoders import ENTERPRISES
from services.accounting.enterprises import service
from services.accounting.enterprises.acting import require_enterprise_role
from services.accounting.enterprises.service import EnterpriseActor
from services.accounting.main import create_app
from services.accounting.settings import Settings
from shared import clock
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseFact, EnterpriseMemberChanged
from shared.contracts.identity import enterprise_account_id, person_account_id
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.reports import as_records
from tests.tokens import service_token

NOW = clock.now() - timedelta(days=1)
ACT = "/test/enterprises/{enterprise_id}/act"


async def handle(accounting: Accounting, *facts: EnterpriseFact | bytes) -> int:
    """Handle facts as the worker does. Return the number of dead letters."""
    found = decoded(as_records(facts), ENTERPRISES, compacted=True)
    if found.items:
        async with accounting.database.transaction() as session:
            await service.handle_facts(session, found.items)
    return len(found.dead)


def enterprise(enterprise_id: uuid.UUID, version: int = 1, status: Any = "active") -> EnterpriseChanged:
    return EnterpriseChanged(
        enterprise_id=enterprise_id,
        version=version,
        status=status,
        kinds=("pool_owner",),
        account_id=enterprise_account_id(enterprise_id),
        approved_at=NOW,
        changed_at=NOW,
    )


class Member:
    def __init__(self, enterprise_id: uuid.UUID, *roles: Any) -> None:
        self.user_id, self.membership_id, self.enterprise_id = uuid.uuid4(), uuid.uuid4(), enterprise_id
        self.roles = roles

    def fact(self, version: int = 1, *, roles: Any = None, ended: bool = False) -> EnterpriseMemberChanged:
        return EnterpriseMemberChanged(
            membership_id=self.membership_id,
            version=version,
            enterprise_id=self.enterprise_id,
            account_id=person_account_id(self.user_id),
            roles=roles or self.roles,
            since=NOW,
            until=NOW + timedelta(hours=1) if ended else None,
            changed_at=NOW,
        )


@pytest.fixture
async def acting(
    accounting: Accounting, accounting_settings: Settings, jwks_transport: httpx.MockTransport
) -> AsyncIterator[httpx.AsyncClient]:
    """The service with one more route, on which a checker acts for an enterprise."""
    app = create_app(accounting_settings, jwks_transport=jwks_transport)

    @app.post(ACT)
    async def act(
        actor: Annotated[EnterpriseActor, Depends(require_enterprise_role("checker"))],
    ) -> dict[str, str]:
        return {"account_id": str(actor.account_id)}

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://accounting.test") as client,
    ):
        yield client


async def balance(accounting: Accounting, user_id: uuid.UUID, enterprise_id: uuid.UUID) -> tuple[int, str | None]:
    path = f"/api/v1/accounting/enterprises/{enterprise_id}/balance"
    answer = await accounting.client.get(path, headers=accounting.tokens.citizen(user_id))
    return answer.status_code, answer.json().get("code")


async def test_members_of_every_role_see_the_balance_and_strangers_see_nothing(accounting: Accounting) -> None:
    own, other = uuid.uuid4(), uuid.uuid4()
    members = [Member(own, role) for role in ("admin", "maker", "checker", "viewer")]
    stranger = Member(other, "admin", "maker", "checker", "viewer")
    await handle(accounting, enterprise(own), enterprise(other), *(one.fact() for one in (*members, stranger)))
    for one in members:
        assert await balance(accounting, one.user_id, own) == (200, None)
        assert await balance(accounting, one.user_id, other) == (404, "ENTERPRISE_NOT_FOUND")
    assert await balance(accounting, stranger.user_id, own) == (404, "ENTERPRISE_NOT_FOUND")
    assert await balance(accounting, stranger.user_id, uuid.uuid4()) == (404, "ENTERPRISE_NOT_FOUND")
    unsigned = await accounting.client.get(f"/api/v1/accounting/enterprises/{own}/balance")
    assert unsigned.status_code == 401


async def test_a_removed_member_with_an_old_token_is_a_stranger(accounting: Accounting) -> None:
    own = uuid.uuid4()
    anna = Member(own, "admin")
    await handle(accounting, enterprise(own), anna.fact())
    token = accounting.tokens.citizen(anna.user_id)
    path = f"/api/v1/accounting/enterprises/{own}/balance"
    assert (await accounting.client.get(path, headers=token)).status_code == 200
    await handle(accounting, anna.fact(2, ended=True))
    assert (await accounting.client.get(path, headers=token)).status_code == 404
    await handle(accounting, anna.fact(1))  # an older record that comes again
    assert (await accounting.client.get(path, headers=token)).status_code == 404


async def test_a_maker_may_not_check_and_a_suspended_enterprise_may_not_act(
    accounting: Accounting, acting: httpx.AsyncClient
) -> None:
    own = uuid.uuid4()
    people = {role: Member(own, role) for role in ("admin", "maker", "checker", "viewer")}
    both = Member(own, "maker", "checker")
    await handle(accounting, enterprise(own), both.fact(), *(one.fact() for one in people.values()))

    async def act(member: Member) -> tuple[int, str | None]:
        path = ACT.format(enterprise_id=own)
        answer = await acting.post(path, headers=accounting.tokens.citizen(member.user_id))
        return answer.status_code, answer.json().get("code")

    for role in ("admin", "maker", "viewer"):
        assert await act(people[role]) == (403, "ENTERPRISE_ROLE_REQUIRED")
    assert await act(people["checker"]) == await act(both) == (200, None)
    assert await act(Member(own, "checker")) == (404, "ENTERPRISE_NOT_FOUND")
    await handle(accounting, enterprise(own, 2, "suspended"))
    assert await act(people["checker"]) == (409, "ENTERPRISE_SUSPENDED")
    assert await act(people["maker"]) == (403, "ENTERPRISE_ROLE_REQUIRED")
    assert await balance(accounting, people["checker"].user_id, own) == (200, None)
    await handle(accounting, enterprise(own, 3), people["checker"].fact(2, roles=("viewer",)))
    assert await act(people["checker"]) == (403, "ENTERPRISE_ROLE_REQUIRED")
    await handle(accounting, enterprise(own, 4, "closed"))
    assert await act(both) == (409, "ENTERPRISE_CLOSED")


async def test_facts_end_the_same_in_every_order_and_when_they_come_twice(accounting: Accounting) -> None:
    rng = random.Random(20261127)
    for order in itertools.permutations(range(4)):
        own = uuid.uuid4()
        anna = Member(own, "admin")
        story: list[EnterpriseFact] = [
            enterprise(own),
            enterprise(own, 2, "suspended"),
            anna.fact(),
            anna.fact(2, roles=("viewer",)),
        ]
        for place in order:
            await handle(accounting, story[place], *([story[place]] if rng.random() < 0.3 else []))
        async with accounting.database.transaction() as session:
            actor = await service.require_role(
                session, enterprise_id=own, person_id=person_account_id(anna.user_id), roles=(), acting=False
            )
        assert actor.roles == {"viewer"}
        assert actor.account_id == enterprise_account_id(own)


async def test_records_that_lie_become_dead_letters(accounting: Accounting) -> None:
    rubbish = (b"{}", b'{"fact":"owner"}', b'{"fact":"enterprise","version":0}', b"\xff")
    assert await handle(accounting, *rubbish) == len(rubbish)


async def test_holdings_are_for_the_accounts_service_only(accounting: Accounting) -> None:
    path = f"/internal/accounting/enterprises/{uuid.uuid4()}/holdings"
    assert (await accounting.client.get(path)).status_code == 401
    for headers in (accounting.tokens.citizen(uuid.uuid4()), accounting.tokens.operator()):
        assert (await accounting.client.get(path, headers=headers)).status_code == 401
    other = {"Authorization": f"Bearer {service_token('rewards', 'accounting')}"}
    assert (await accounting.client.get(path, headers=other)).status_code == 403
    own = {"Authorization": f"Bearer {service_token('accounts', 'accounting')}"}
    answer = await accounting.client.get(path, headers=own)
    amounts = {name: value for name, value in answer.json().items() if name.endswith("_mg")}
    assert set(amounts.values()) == {0}
    assert amounts.keys() == {"available_mg", "pending_mg", "held_mg", "debt_mg"}
