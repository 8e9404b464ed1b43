"""A citizen's life on a whole stack, with what the world looked like before the erasure and after it."""

import asyncio
import base64
import os
import sys
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from deploy.demo.events import SHANGHAI
from deploy.demo.gateway import Gateway, push_and_settle
from deploy.demo.life import wechat
from deploy.demo.life.person import ACCOUNTING, ACCOUNTS, Person, arrive
from deploy.demo.life.story import Life
from deploy.local.database import role_dsn, with_database
from deploy.local.partners import PARTNER_ENVIRONMENTS
from deploy.local.secrets_file import Secrets
from deploy.local.state import RunDirectory
from services.accounting.methodologies import repository as library
from services.accounting.methodologies.document import methodology_from_plain
from services.accounting.proofs import sealing
from services.accounts.vault import Vault
from shared.db import Database
from shared.sealing import Sealer
from shared.sealing_keys import parse_keys
from shared.seals.signer import DigestSigner
from tests.accounting.methodologies.drafts import plain
from tests.e2e import own_rows, traces
from tests.e2e.own_rows import PersonIds, Row
from tests.e2e.stack import ROOT, LocalStack

CANARIES = ("openid", "phone", "nickname", "customer", "contact", "home", "card", "meter", "licence")
_ANSWERED_WITHIN_S = 90
_DAY = timedelta(days=1)


@dataclass
class Evidence:
    """What the tests look at. `controls` are strings that are allowed to be readable."""

    told: dict[str, Any]
    canaries: dict[str, str]
    controls: dict[str, str]
    ids: PersonIds
    archive: bytes
    rows_before: dict[str, dict[str, list[Row]]]
    rows_after_export: dict[str, dict[str, list[Row]]]
    tables_before: dict[str, str]
    opened_before: bytes
    steps_verdict: dict[str, Any] = field(default_factory=dict)
    tables_after: dict[str, str] = field(default_factory=dict)
    files_after: traces.Found = field(default_factory=dict)
    rows_after: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    erasure: dict[str, Any] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)
    own_credits: list[str] = field(default_factory=list)
    proofs_before: dict[str, str] = field(default_factory=dict)
    proofs_after: dict[str, str] = field(default_factory=dict)
    verified: dict[str, tuple[int, str]] = field(default_factory=dict)


class World:
    """The stack behind the gateway: its database and its files."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.secrets = Secrets(RunDirectory(stack.run_dir).secrets, PARTNER_ENVIRONMENTS)
        state = RunDirectory(stack.run_dir).read()
        assert state is not None
        server = (
            f"postgresql://postgres:{self.secrets['postgres_password']}@127.0.0.1:{state.processes['postgres'].port}"
        )
        self.admin_dsn = with_database(server, "carbon")
        self.accounting_dsn = role_dsn(self.admin_dsn, "accounting", self.secrets.roles["accounting"])

    async def connect(self) -> traces.Connection:
        """A superuser whom no trigger stops: moves the day into the past, and the start of a consent."""
        return await asyncpg.connect(self.admin_dsn, server_settings={"session_replication_role": "replica"})

    def accounting(self) -> Database:
        return Database(self.accounting_dsn, pool_size=1, application_name="a-life")

    async def publish_steps(self) -> None:
        """Steps count in no methodology of the city."""
        steps = methodology_from_plain(plain("TTXQ-STEPS-2021", code="LIFE-STEPS", effective_to=None))
        database = self.accounting()
        async with database.transaction() as session:
            await library.add_methodology(session, steps)
        await database.stop()

    async def open_archive(self, admin: traces.Connection, user_id: uuid.UUID) -> bytes:
        """Open the sealed export with the person's key, as the service does."""
        found = await admin.fetchrow(
            "SELECT key_sealed, export_id, sealed FROM accounts.person_key JOIN accounts.data_export USING (user_id)"
            " JOIN accounts.export_archive USING (export_id) WHERE user_id = $1",
            user_id,
        )
        assert found is not None
        keys = parse_keys(self.secrets["phone_encryption_key"])
        vault = Vault(peppers=[self.secrets["phone_pepper"]], keys=keys)
        person_key = base64.b64decode(vault.unseal("data_key", user_id, found["key_sealed"]))
        return Sealer(person_key).open_bytes(found["sealed"], f"export:{found['export_id']}")

    async def end_the_day(self, admin: traces.Connection) -> date:
        """Move what was posted into yesterday, and let the day be sealed. Return the sealed day."""
        for table, column in (("posting", "posted_at"), ("activity", "recorded_at"), ("activity_change", "changed_at")):
            await admin.execute(f"UPDATE accounting.{table} SET {column} = {column} - $1::interval", _DAY)
        signer = DigestSigner(self.secrets["digest_signing_key"])
        yesterday = datetime.now(SHANGHAI).date() - _DAY
        database = self.accounting()
        while not await admin.fetchval("SELECT count(*) FROM accounting.daily_digest WHERE day = $1", yesterday):
            async with database.transaction() as session:
                await sealing.seal_next_day(session, time_zone="Asia/Shanghai", delay_s=0, signer=signer)
        await database.stop()
        checked = "SELECT findings FROM accounting.checked_day WHERE day = $1"
        while (findings := await admin.fetchval(checked, yesterday)) is None:
            await asyncio.sleep(0.3)
        assert findings == 0
        return yesterday


async def live(stack: LocalStack, directory: Path) -> Evidence:
    world = World(stack)
    await world.publish_steps()
    gateway = Gateway(stack.run_dir / "credentials.json")
    admin = await world.connect()
    try:
        return await _live(world, gateway, admin, directory)
    finally:
        await admin.close()
        await gateway.close()


async def _live(world: World, gateway: Gateway, admin: traces.Connection, directory: Path) -> Evidence:
    run = uuid.uuid4().hex[:8]
    life = Life(gateway, run, datetime.now(SHANGHAI))
    neighbour = await _play_until_the_end(life, admin, run)
    await world.end_the_day(admin)
    evidence = await _look_before(world, life, admin)
    evidence.own_credits = (await _credits([life.citizen]))[:2]
    others = await _credits([life.spouse, neighbour])
    evidence.proofs_before = await _proofs(gateway, [*evidence.own_credits, *others])
    await life.erase()
    evidence.erasure = await _answered(gateway, life.citizen)
    evidence.controls["erasure"] = evidence.erasure["erasure_id"]
    await _look_after(world, gateway, admin, evidence)
    evidence.proofs_after = await _proofs(gateway, evidence.proofs_before.keys() - {"digests"})
    evidence.verified = await _verify(world, evidence, directory)
    return evidence


async def _play_until_the_end(life: Life, admin: traces.Connection, run: str) -> Person:
    """Play all stages before the export. Return another citizen of the same day."""
    neighbour = await arrive(life.gateway, f"{run}-c")
    for stage in (life.arrive, life.bind, life.earn, life.redeem, life.found_home):
        await stage()
    await asyncio.gather(*(_bind_and_ride(life, person) for person in (life.spouse, neighbour)))
    await life.spend_together()
    await life.care()
    await life.stop_sharing()
    await wechat.allow_steps(life.citizen)
    await admin.execute(
        "UPDATE accounts.consent SET given_at = given_at - interval '3 days' WHERE user_id = $1",
        uuid.UUID(life.citizen.user_id),
    )
    life.told["steps"] = await wechat.report_steps(life.citizen, life.yesterday)
    life.told["steps_verdict"] = await _verdict_on_steps(life.citizen)
    await life.found_company()
    await life.leave_bike()
    return neighbour


async def _bind_and_ride(life: Life, person: Person) -> None:
    """An own act of somebody else on the same day."""
    since = (datetime.now(SHANGHAI) - _DAY).isoformat()
    wanted = {"partner_id": "t3", "mode": "account_no", "counts_from": since}
    await person.call(201, "POST", f"{ACCOUNTS}/me/bindings", wanted)
    who = {"type": "account_no", "value": person.account_no}
    trip = life.reporter.trip("t3", who, datetime.now(SHANGHAI))
    tally = await push_and_settle(life.gateway, [(life.gateway.partners["t3"], [trip])], lambda _count: None)
    assert tally.counts["credited"] == 1, tally


async def _verdict_on_steps(person: Person) -> dict[str, Any]:
    for _ in range(60):
        page = await person.call(200, "GET", f"{ACCOUNTING}/me/activities?limit=100")
        found: list[dict[str, Any]] = [one for one in page["items"] if one["scene"] == "steps"]
        if found:
            return found[0]
        await asyncio.sleep(0.5)
    raise AssertionError("no verdict on the steps")


async def _look_before(world: World, life: Life, admin: traces.Connection) -> Evidence:
    names, person = life.citizen.names, life.citizen
    ids = PersonIds(person.user_id, person.account_id, person.account_no)
    rows = await own_rows.read_rows(admin)
    own_rows.add_things(ids, rows)
    archive = await life.export()
    return Evidence(
        told=life.told,
        canaries={**{name: getattr(names, name) for name in CANARIES}, **_named_by_others(life)},
        controls={"company": life.company.name, "event": f"{life.run}-life-1"},
        ids=ids,
        archive=archive,
        rows_before=rows,
        rows_after_export=await own_rows.read_rows(admin),
        tables_before=await traces.read_tables(admin),
        opened_before=await world.open_archive(admin, uuid.UUID(person.user_id)),
    )


def _named_by_others(life: Life) -> dict[str, str]:
    """How partners name the person, the number of a trip, and a token of the session."""
    known = life.bindings.references
    return {
        "bike": known["bike"]["value"],
        "metro": known["metro"]["value"],
        "trip": f"{life.run}-no-1",
        "token": life.citizen.token,
    }


async def _answered(gateway: Gateway, person: Person) -> dict[str, Any]:
    """Wait until each service has answered. Return the erasure as operators see it."""
    deadline = time.monotonic() + _ANSWERED_WITHIN_S
    while True:
        page = await gateway.get_as_operator(f"{ACCOUNTS}/ops/erasures?limit=100")
        found: dict[str, Any] = next(one for one in page["items"] if one["account_id"] == person.account_id)
        if found["status"] == "done":
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.5)


async def _look_after(world: World, gateway: Gateway, admin: traces.Connection, evidence: Evidence) -> None:
    evidence.tables_after = await traces.read_tables(admin)
    evidence.rows_after = await own_rows.read_rows(admin)
    await admin.execute("CHECKPOINT")
    directories = traces.directories_of(world.stack.run_dir)
    evidence.files_after = traces.files_with(directories, {**evidence.canaries, **evidence.controls})
    evidence.ledger = await gateway.get_as_operator(f"{ACCOUNTING}/ops/ledger/check")


async def _credits(people: list[Person]) -> list[str]:
    found = []
    for person in people:
        page = await person.call(200, "GET", f"{ACCOUNTING}/me/activities?status=credited&limit=100")
        found += [str(item["activity_id"]) for item in page["items"]]
    return found


async def _proofs(gateway: Gateway, activity_ids: Iterable[str]) -> dict[str, str]:
    """Return the public proof of each credit, and the digests. Nobody logs in for them."""
    found = {}
    for activity_id in activity_ids:
        answer = await gateway.request("GET", f"{ACCOUNTING}/public/proofs/{activity_id}")
        assert answer.status_code == 200, answer.text
        found[activity_id] = answer.text
    found["digests"] = (await gateway.request("GET", f"{ACCOUNTING}/public/digests?limit=100")).text
    return found


async def _verify(world: World, evidence: Evidence, directory: Path) -> dict[str, tuple[int, str]]:
    """Check each proof, as the server gives it after the erasure, and the whole ledger with its sealed day.

    Both against the digests that were saved before the erasure. Return exit code and output by activity, and `ledger`.
    """
    saved = directory / "digests.json"
    saved.write_text(evidence.proofs_before["digests"])

    async def verify(*arguments: str, **environment: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.accounting.verify", *arguments, "--digests", str(saved)),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    work = {"ledger": verify("ledger", ACCOUNTING_DATABASE_URL=world.accounting_dsn)}
    for activity_id, proof in evidence.proofs_after.items():
        if activity_id != "digests":
            file = directory / f"{activity_id}.json"
            file.write_text(proof)
            work[activity_id] = verify("proof", str(file))
    return dict(zip(work, await asyncio.gather(*work.values()), strict=True))
