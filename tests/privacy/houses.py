"""Enterprises with members of every role, terms that wait for a checker, and a document."""

from dataclasses import dataclass
from typing import Any, Final

from tests.accounts.enterprises import Operators, opened
from tests.privacy.city import City
from tests.privacy.standing import TERMS, TEXT, Standing

INVITED: Final = ("maker", "checker", "viewer")
ROLES: Final = ("admin", *INVITED)


@dataclass(frozen=True)
class House:
    """An enterprise: its people by role, and an id of it for each parameter of a path."""

    people: dict[str, Standing]
    ids: dict[str, str]


async def build_house(city: City, name: str) -> House:
    people = {role: Standing(await city.citizen(f"{role}-{name}")) for role in ROLES}
    admin: Any = people["admin"]
    changes = {"name": f"江城 {name} 公司-canary", "kinds": ["pool_owner"]}
    enterprise_id = await opened(admin, Operators(city.http["accounts"], city.tokens), **changes)
    await admin.step_up()
    ids = {"enterprise_id": enterprise_id}
    for role in INVITED:
        body = {"account_no": await people[role].number(), "roles": [role], "name": f"{name}-canary"}
        member = await admin.done("POST", f"/enterprises/{enterprise_id}/members", json=body)
        await people[role].done("POST", f"/me/enterprises/{enterprise_id}/accept")
        ids["membership_id"] = member["membership_id"]
    root = f"/enterprises/{enterprise_id}/mandate-terms"
    ids["terms_id"] = (await people["maker"].done("POST", root, json={**TERMS, "text": TEXT}))["terms_id"]
    [document] = (await admin.done("GET", f"/enterprise-documents/{enterprise_id}"))["items"]
    ids["document_id"] = document["document_id"]
    await city.relay()
    return House(people, ids)
