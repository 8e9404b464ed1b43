"""What a citizen may have besides acts: a ward, enterprises, a mandate, a message, a text that waits."""

import contextlib
import hashlib
from typing import Any

import httpx

from services.accounts.text_checks import service as text_checks
from services.accounts.text_checks.errors import TextUnderReview
from tests.accounts.enterprises import Operators, apply, opened, upload
from tests.privacy.city import Citizen, City

TEXT = "我同意由平台汇集公交出行的减碳量。"
TERMS = {"kind": "benefit", "scenes": ["bus"], "terms_version": "2026-11"}
CONSENT = {"policy_version": "2026-11"}


class Standing:
    """A citizen with the calls that helpers of the accounts service expect of a person."""

    def __init__(self, citizen: Citizen) -> None:
        self.citizen = citizen
        self.user_id = citizen.user_id

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.citizen.call("accounts", method, path, **more)

    async def done(self, method: str, path: str, **more: Any) -> Any:
        answer = await self.call(method, path, **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def step_up(self) -> None:
        await self.citizen.step_up()

    async def number(self) -> str:
        return str((await self.done("GET", "/me"))["carbon_account"]["account_no"])


async def ask_for_messages(person: Standing, kind: str) -> None:
    await person.done("POST", "/me/consents", json={"purpose": "messages", **CONSENT})
    await person.done("POST", "/me/messages", json={"answers": [{"kind": kind, "answer": "accept"}]})


async def give_and_withdraw(person: Standing) -> None:
    """Leave a history of consents."""
    await person.done("POST", "/me/consents", json={"purpose": "research", **CONSENT})
    await person.done("DELETE", "/me/consents", params={"purpose": "research"})


async def guard(city: City, guardian: Standing, name: str) -> Standing:
    """Let the person become the guardian of a child."""
    child = Standing(await city.visitor(name))
    refused = await child.call("POST", "/me/carbon-account", json={"consent": CONSENT, "under_14": True})
    assert refused.status_code == 403, refused.text
    code = (await child.done("POST", "/me/guardian/invitations"))["token"]
    await guardian.done("POST", "/me/wards", json={"code": code, "consent": CONSENT})
    await child.done("POST", "/me/carbon-account", json={"consent": CONSENT})
    return child


async def found_enterprises(city: City, person: Any) -> None:
    """One enterprise that operators approved, one that waits, each with a licence."""
    operators = Operators(city.http["accounts"], city.tokens)
    await opened(person, operators)
    waiting = await apply(person)
    assert (await upload(person, waiting, kind="other")).status_code == 201


async def open_platform(city: City, name: str) -> str:
    """An enterprise of three others with published terms."""
    admin, maker, checker = [Standing(await city.citizen(f"{role}-{name}")) for role in ("admin", "maker", "checker")]
    founder: Any = admin
    operators = Operators(city.http["accounts"], city.tokens)
    enterprise_id = await opened(founder, operators, kinds=["pool_owner"])
    await admin.step_up()
    for person, role in ((maker, "maker"), (checker, "checker")):
        body = {"account_no": await person.number(), "roles": [role], "name": None}
        await admin.done("POST", f"/enterprises/{enterprise_id}/members", json=body)
        await person.done("POST", f"/me/enterprises/{enterprise_id}/accept")
    root = f"/enterprises/{enterprise_id}/mandate-terms"
    terms = await maker.done("POST", root, json={**TERMS, "text": TEXT})
    await checker.done("POST", f"{root}/{terms['terms_id']}/publish")
    return enterprise_id


async def give_mandate(person: Standing, platform_id: str) -> None:
    body = {**TERMS, "platform_id": platform_id, "terms_sha256": hashlib.sha256(TEXT.encode()).hexdigest()}
    await person.done("POST", "/me/mandates", json=body)


async def write_doubtful_text(city: City, person: Standing) -> None:
    resources = city.apps["accounts"].state.resources
    with contextlib.suppress(TextUnderReview):
        await text_checks.require_harmless(
            city.databases["accounts"],
            wechat=resources.wechat,
            vault=resources.vault,
            user_id=person.user_id,
            kind="household_name",
            text="待审的名字",
        )


async def stand(city: City, citizen: Citizen, name: str) -> None:
    """Give a citizen all of it."""
    person = Standing(citizen)
    await ask_for_messages(person, "looked_up")
    await give_and_withdraw(person)
    await guard(city, person, f"child-{name}")
    await found_enterprises(city, person)
    await give_mandate(person, await open_platform(city, name))
    await write_doubtful_text(city, person)
    await city.admin.execute(
        "INSERT INTO accounts.steps_reported (user_id, reported_through, changed_at) VALUES ($1, current_date, now())",
        citizen.user_id,
    )
