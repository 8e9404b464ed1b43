"""A citizen takes all data along and leaves."""

import asyncio
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

from deploy.demo.gateway import DemoFailure
from deploy.demo.life.person import ACCOUNTS, Person

SERVICES = ("accounts", "ingest", "accounting", "rewards")
Tables = dict[str, list[dict[str, Any]]]
_BUILT_WITHIN_S = 60
_GONE_WITHIN_S = 30
_PAUSE_S = 0.5


async def export(person: Person) -> bytes:
    """Return the archive of all that the four services hold about the person."""
    asked = await person.call(202, "POST", f"{ACCOUNTS}/me/export")
    path = f"{ACCOUNTS}/me/export/{asked['export_id']}"
    for _ in range(int(_BUILT_WITHIN_S / _PAUSE_S)):
        answer = await person.gateway.request("GET", path, token=person.token)
        if answer.status_code == 200:
            return answer.content
        if answer.status_code != 202:
            break
        await asyncio.sleep(_PAUSE_S)
    raise DemoFailure(f"导出没有备好 the export is not ready: {answer.status_code} {answer.text[:300]}")


def tables_of(archive: bytes) -> dict[str, Tables]:
    """Return the rows of an archive, by service and table."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {service: json.loads(opened.read(f"{service}.json")) for service in SERVICES}


def count_rows(archive: bytes) -> int:
    return sum(len(rows) for tables in tables_of(archive).values() for rows in tables.values())


async def erase(person: Person) -> str:
    """Confirm, ask for the erasure, and wait until the account is gone. Return its status for operators.

    With a cooling-off the account stays as it is: the status is `planned`.
    """
    await person.step_up()
    planned = await person.call(202, "DELETE", f"{ACCOUNTS}/me")
    if datetime.fromisoformat(planned["due_at"]) > datetime.now(UTC):
        return "planned"
    for _ in range(int(_GONE_WITHIN_S / _PAUSE_S)):
        status, _answer = await person.answer("GET", f"{ACCOUNTS}/me")
        if status == 401:
            return await erasure_status(person, planned["erasure_id"])
        await asyncio.sleep(_PAUSE_S)
    raise DemoFailure("账户没有注销 the account was not erased")


async def erasure_status(person: Person, erasure_id: str) -> str:
    """Return `running` until every service has answered, then `done`."""
    page = await person.gateway.get_as_operator(f"{ACCOUNTS}/ops/erasures?limit=100")
    return next(str(one["status"]) for one in page["items"] if one["erasure_id"] == erasure_id)
