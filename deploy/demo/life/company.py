"""An enterprise: an application with a document, two operators who open it, two members."""

import hashlib
import secrets
from typing import Any

from deploy.demo.life.person import ACCOUNTS, Person, require

_OPS = f"{ACCOUNTS}/ops"
_BECAUSE = {"reason": "材料齐全 the documents are complete"}
# GB 32100-2015: 31 characters without I, O, S, V and Z.
_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def new_credit_code() -> str:
    """Return a unified social credit code of Wuhan with its check character."""
    first = f"91420100{secrets.randbelow(10**9):09d}"
    total = sum(_CHARACTERS.index(one) * pow(3, place, 31) for place, one in enumerate(first))
    return first + _CHARACTERS[-total % 31]


def licence_of(person: Person) -> bytes:
    return b"%PDF-1.7\n" + person.names.licence.encode() * 40 + b"\n%%EOF\n"


class Company:
    """`founder` applies, `clerk` becomes a member."""

    def __init__(self, founder: Person, clerk: Person, name: str) -> None:
        self._founder, self._clerk, self.name = founder, clerk, name
        self.enterprise_id = ""

    async def apply(self) -> None:
        founder = self._founder
        contact = {"name": founder.names.contact, "phone": founder.names.phone}
        wanted = {"uscc": new_credit_code(), "name": self.name, "kinds": ["sponsor"], "contact": contact}
        applied = await founder.call(202, "POST", f"{ACCOUNTS}/enterprises", wanted)
        self.enterprise_id = applied["enterprise_id"]
        content = licence_of(founder)
        digest = hashlib.sha256(content).hexdigest()
        path = f"{ACCOUNTS}/enterprise-documents/{self.enterprise_id}?kind=business_licence&sha256={digest}"
        file = ("application/pdf", content)
        await founder.gateway.expect([201], "POST", path, token=founder.token, file=file)

    async def open(self) -> None:
        """One operator proposes, the other approves. The proposer alone may not."""
        gateway = self._founder.gateway
        path = f"{_OPS}/enterprises/{self.enterprise_id}/approve"
        proposal = await gateway.as_operator(202, "POST", path, _BECAUSE)
        decision = f"{_OPS}/approvals/{proposal['proposal_id']}/approve"
        alone = await gateway.as_operator(409, "POST", decision, _BECAUSE)
        require(alone["code"] == "SECOND_PERSON_NEEDED", "一个人不能核准企业 one operator alone opens nothing", alone)
        await gateway.as_operator(200, "POST", decision, _BECAUSE, person=1)

    async def add_clerk(self) -> list[dict[str, Any]]:
        """Invite the second member, who accepts. Return both."""
        founder, clerk = self._founder, self._clerk
        invited = {"account_no": clerk.account_no, "roles": ["maker"], "name": clerk.names.contact}
        await founder.step_up()
        path = f"{ACCOUNTS}/enterprises/{self.enterprise_id}/members"
        await founder.call(201, "POST", path, invited)
        await clerk.call(204, "POST", f"{ACCOUNTS}/me/enterprises/{self.enterprise_id}/accept")
        members: list[dict[str, Any]] = (await founder.call(200, "GET", path))["items"]
        require(len(members) == 2, "企业有两位成员 the enterprise has two members", members)
        return members
