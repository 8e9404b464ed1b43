"""Files of trips for the tests, and the calls that import them."""

import asyncio
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from tests.ingest.samples import PartnerClient

IMPORTS = "/api/v1/ingest/imports"
HEADER = "id,account_ref.type,account_ref.value,trip_id,vehicle_type,start_time,end_time,distance,city_code"
CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}
GZIP = {"Content-Encoding": "gzip"}
TRIPS = "?event_type=trip.completed"
FINISHED = ("done", "failed")
FINISH_TIMEOUT_S = 60


def row(name: str, *, distance: object = 2360, day: str = "2026-11-23", account: str = "WH0000000017") -> str:
    times = f"{day}T08:10:00+08:00,{day}T08:30:00+08:00"
    return f"{name},account_no,{account},{name},bicycle,{times},{distance},420100"


def csv_file(rows: Iterable[str], header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


async def send(client: PartnerClient, body: bytes, target: str = IMPORTS + TRIPS, **headers: str) -> httpx.Response:
    return await client.send("POST", target, body, headers={**CSV, **headers})


async def finished(client: PartnerClient, import_id: str) -> dict[str, Any]:
    """The import once it is done or failed."""
    async with asyncio.timeout(FINISH_TIMEOUT_S):
        while True:
            found = (await client.get(f"{IMPORTS}/{import_id}")).json()
            if found["status"] in FINISHED:
                return dict(found)
            await asyncio.sleep(0.05)


async def imported(client: PartnerClient, body: bytes, target: str = IMPORTS + TRIPS, **headers: str) -> dict[str, Any]:
    answer = await send(client, body, target, **headers)
    assert answer.status_code == 202, answer.text
    return await finished(client, answer.json()["import_id"])


async def errors_of(client: PartnerClient, import_id: str, **headers: str) -> list[tuple[int, str, str | None]]:
    answer = await client.get(f"{IMPORTS}/{import_id}/errors?limit=100", headers=headers)
    return [(one["line"], one["code"], one["field"]) for one in answer.json()["items"]]


async def announce(client: PartnerClient, content: dict[str, Any]) -> httpx.Response:
    return await client.send(
        "POST", IMPORTS, json.dumps(content).encode(), headers={"Content-Type": "application/json"}
    )


async def upload_in_parts(
    client: PartnerClient, content: bytes, announcement: dict[str, Any], order: Callable[[list[int]], list[int]] = list
) -> str:
    """Announce a file, upload every part, complete it, and return the import id."""
    announced = {
        "format": "csv", "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **announcement,
    }  # fmt: skip
    answer = await announce(client, announced)
    assert answer.status_code == 202, answer.text
    import_id = str(answer.json()["import_id"])
    parts = answer.json()["parts"]
    for number in order(list(range(parts["expected"]))):
        part = content[number * parts["size_bytes"] : (number + 1) * parts["size_bytes"]]
        put = await client.send("PUT", f"{IMPORTS}/{import_id}/parts/{number}", part)
        assert put.status_code == 200, put.text
    done = await client.send("POST", f"{IMPORTS}/{import_id}/complete", b"")
    assert done.status_code == 202, done.text
    return import_id


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
