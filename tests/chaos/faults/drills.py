"""The restore drill: base backup and streamed WAL under load, loss of the server, restore of a copy.

The drill then checks the copy. Its worker continues from the restored offsets to the end of the log. Its ledger equals
the live one. Consuming the whole log again from offset 0 changes nothing.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local.database import DATABASE, EVENT_LOG, role_dsn, with_database
from deploy.local.pgbinaries import choose_binaries, run_as, server_account
from deploy.local.postgres import PostgresServer
from services.accounting.checks import service as checks
from shared.db import Database
from tests.chaos.run import Fault, FaultContext, NotPossible

LOAD_S = 5.0  # between backup and loss; only the streamed WAL has the changes of this time
CATCH_UP_S = 60.0
PROGRAM_S = 120.0
DIGEST = """SELECT md5(coalesce(string_agg(line, chr(10) ORDER BY line), '')) FROM (
    SELECT concat_ws('|', posting_id, kind, debit_account_id, credit_account_id, amount_mg, activity_id, hold_id)
    AS line FROM accounting.posting) t"""
OFFSETS = (
    "SELECT coalesce(sum(next_offset), 0) FROM accounting.consumer_partition WHERE consumer = 'accounting.posting'"
)


@dataclass
class _Tools:
    programs: Path
    place: Path
    environment: dict[str, str]

    def start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(self.programs / program), *arguments],
            env=self.environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **run_as(server_account()),
        )

    async def run(self, program: str, *arguments: str) -> None:
        process = self.start(program, *arguments)
        _, words = await asyncio.to_thread(process.communicate, timeout=PROGRAM_S)
        if process.returncode != 0:
            raise RuntimeError(f"{program}: {words.decode(errors='replace')[-400:]}")


def _tools(context: FaultContext) -> _Tools:
    programs = choose_binaries(None).directory
    missing = [name for name in ("pg_basebackup", "pg_receivewal") if not (programs / name).exists()]
    if missing:
        raise NotPossible(f"this PostgreSQL comes without {', '.join(missing)}: install the server of the distribution")
    # Beside the live data, where the server's account may write.
    place = context.stack.server.home / "drill"
    shutil.rmtree(place, ignore_errors=True)
    account = server_account()
    for path in (place, place / "wal", place / "copy", place / "copy" / "data"):
        path.mkdir(mode=0o700)
        if account:
            os.chown(path, account.uid, account.gid)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PGPASSWORD": context.stack.server.password or ""}
    return _Tools(programs, place, environment)


async def _value(dsn: str, sql: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def restore(context: FaultContext) -> None:
    tools = _tools(context)
    port = ("-h", "127.0.0.1", "-p", str(context.stack.port("postgres")), "-U", "postgres")
    receiving = tools.start("pg_receivewal", *port, "-D", str(tools.place / "wal"), "--synchronous")
    copy = PostgresServer(tools.place / "copy", password=context.stack.server.password)
    try:
        started = time.monotonic()
        await tools.run(
            "pg_basebackup",
            *port,
            "-D",
            str(tools.place / "copy" / "data"),
            "-X",
            "none",
            "-c",
            "fast",
            "--no-manifest",
        )
        context.add_facts(backup_s=round(time.monotonic() - started, 1))
        await asyncio.sleep(LOAD_S)
        receiving.kill()
        lost_at = time.time()
        await asyncio.to_thread(receiving.wait)
        started = time.monotonic()
        await asyncio.to_thread(_prepare, tools, copy)
        await asyncio.to_thread(copy.start)
        dsn = with_database(copy.admin_dsn(), DATABASE)
        while await _value(dsn, "SELECT pg_is_in_recovery()"):
            await asyncio.sleep(0.1)
        last = await _value(dsn, "SELECT extract(epoch FROM max(posted_at))::float8 FROM accounting.posting")
        context.add_facts(
            rto_s=round(time.monotonic() - started, 1),
            rpo_s=round(max(0.0, lost_at - last), 2),
            problems=await _compare(context, copy, dsn),
        )
    finally:
        if receiving.poll() is None:
            receiving.kill()
        await asyncio.to_thread(copy.stop, "immediate")
        shutil.rmtree(tools.place, ignore_errors=True)


def _prepare(tools: _Tools, copy: PostgresServer) -> None:
    """Configure the copy to recover with the streamed WAL, including the unfinished segment."""
    account = server_account()
    for partial in (tools.place / "wal").glob("*.partial"):
        partial.rename(partial.with_suffix(""))
    settings = copy.cluster / "postgresql.auto.conf"
    with settings.open("a", encoding="utf-8") as file:
        file.write(f'restore_command = \'cp "{tools.place / "wal"}/%f" "%p"\'\n')
    signal_file = copy.cluster / "recovery.signal"
    signal_file.touch(mode=0o600)
    if account:
        os.chown(signal_file, account.uid, account.gid)


async def _compare(context: FaultContext, copy: PostgresServer, dsn: str) -> list[str]:
    problems = await _ledger_problems(dsn, "restored")
    admin, secrets = copy.admin_dsn(), context.stack.role_passwords
    environment = {"ACCOUNTING_DATABASE_URL": role_dsn(admin, "accounting", secrets["accounting"])}
    if context.stack.kafka is None:
        environment["ACCOUNTING_EVENT_LOG_URL"] = role_dsn(admin, EVENT_LOG, secrets[EVENT_LOG])
    accepted = context.load.history.accepted()
    worker = context.stack.start_extra_worker("accounting", module="tests.chaos.copy_worker", environment=environment)
    try:
        if context.stack.kafka is not None:
            left = await _wait_until_posted(dsn, [event.key for event in accepted])
            if left:
                problems.append(f"the copy did not catch up with the log: {left} events missing")
        context.add_facts(copy_is_the_live_ledger=not (different := await _compare_with_live(context, dsn)))
        problems += different
    finally:
        await context.stack.stop_extra_worker(worker)
    problems += await _replay(context, dsn, environment)
    return problems + await _ledger_problems(dsn, "replayed")


async def _replay(context: FaultContext, dsn: str, environment: dict[str, str]) -> list[str]:
    """Consume the whole log again on the copy. The postings must stay the same."""
    before, end = await _value(dsn, DIGEST), await _value(dsn, OFFSETS)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("UPDATE accounting.consumer_partition SET next_offset = 0, holder = NULL")
        await connection.execute("DELETE FROM accounting.consumer_worker")
    finally:
        await connection.close()
    worker = context.stack.start_extra_worker("accounting", module="tests.chaos.copy_worker", environment=environment)
    deadline = time.monotonic() + CATCH_UP_S
    try:
        while (reached := await _value(dsn, OFFSETS)) < end and time.monotonic() < deadline:
            await asyncio.sleep(0.3)
    finally:
        await context.stack.stop_extra_worker(worker)
    if reached < end:
        return [f"the replay stopped at {reached} of {end} records"]
    context.add_facts(replayed_records=int(reached))
    new = await _value(dsn, DIGEST)
    grown = await _value(
        dsn, "SELECT count(*) - count(DISTINCT activity_id) FROM accounting.posting WHERE kind = 'credit'"
    )
    # On Kafka new events arrive during the replay; of the old ones none may be posted again.
    return [f"{grown} credits twice after the replay"] if grown or (reached == end and new != before) else []


async def _wait_until_posted(dsn: str, keys: Sequence[object]) -> int:
    deadline = time.monotonic() + CATCH_UP_S
    connection = await asyncpg.connect(dsn)
    try:
        while True:
            there = await connection.fetchval(
                "SELECT count(*) FROM accounting.activity WHERE activity_id = ANY($1) AND status <> 'parked'", keys
            )
            if there >= len(keys) or time.monotonic() > deadline:
                return len(keys) - int(there)
            await asyncio.sleep(0.3)
    finally:
        await connection.close()


_JUDGED = """
SELECT a.activity_id, a.account_id, a.status, a.amount_mg, a.reason_code,
    (SELECT count(DISTINCT (b.partner_id, b.account_key)) FROM accounting.binding b WHERE b.account_id = a.account_id)
        AS ways
FROM accounting.activity a WHERE a.status <> 'parked'"""


async def _compare_with_live(context: FaultContext, dsn: str) -> list[str]:
    """Return the activities that the copy judged differently from the live system.

    For a person with several partners, only the number of counted acts must agree. Those acts lie in several
    partitions without an order among each other. The copy may give the last place under a cap to another act.
    """
    found: list[dict[Any, Any]] = []
    for source in (dsn, context.stack.admin_dsn):
        connection = await asyncpg.connect(source)
        try:
            found.append({row["activity_id"]: row for row in await connection.fetch(_JUDGED)})
        finally:
            await connection.close()
    copied, live = found
    context.add_facts(activities_compared=len(copied))
    wrong: list[str] = []
    changed: defaultdict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for key, ours in copied.items():
        theirs = live.get(key)
        if theirs is None or theirs["ways"] < 2:
            if theirs is None or _verdict(ours) != _verdict(theirs):
                wrong.append(f"{key}: {_verdict(ours)}, live {_verdict(theirs) if theirs else None}")
        elif _verdict(ours) != _verdict(theirs):
            for place, row in enumerate((ours, theirs)):
                changed[ours["account_id"]][place] += row["amount_mg"] > 0
    wrong += [f"{person}: {n} acts count, live {m}" for person, (n, m) in changed.items() if n != m]
    context.add_facts(people_judged_in_another_order=len(changed))
    return [f"{len(wrong)} activities of the copy differ from the live ones, such as {wrong[:3]}"] if wrong else []


def _verdict(row: Any) -> tuple[str, int, str]:
    return row["status"], row["amount_mg"], row["reason_code"]


async def _ledger_problems(dsn: str, when: str) -> list[str]:
    database = Database(dsn, pool_size=1, application_name="chaos-drill")
    try:
        async with database.transaction() as session:
            figures = await checks.check_all(session)
        async with database.transaction() as session:
            differences = await checks.list_differences(session)
    finally:
        await database.stop()
    wrong = {name: value for name, value in figures.items() if value and name not in {"accounts", "postings"}}
    return [f"{when} ledger: {wrong} {differences[:3]}"] if wrong or differences else []


FAULTS = (
    Fault(
        "restore",
        "备份恢复与重放演练",
        "restore drill: backup + WAL, catch up, replay from offset 0",
        restore,
    ),
)
