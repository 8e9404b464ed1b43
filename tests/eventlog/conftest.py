"""Both adapters on real servers for the contract suite, and separate servers for the tests that kill them."""

import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Protocol

import pytest

from deploy.kafka.node import KafkaNode
from deploy.local.postgres import PostgresServer
from shared.eventlog import EventLog, Record, StoredRecord, TopicPartition, open_event_log
from tests.databases import Dsns, make_database

BOTH = [pytest.param("postgres"), pytest.param("kafka", marks=pytest.mark.kafka)]


class Server(Protocol):
    """The server of an event log, for tests that stop it."""

    @property
    def url(self) -> str: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...


@dataclass
class KafkaServer:
    node: KafkaNode

    @property
    def url(self) -> str:
        return f"kafka://{self.node.bootstrap_servers}"

    def kill(self) -> None:
        self.node.kill()

    def start(self) -> None:
        self.node.start()


@dataclass
class PostgresLogServer:
    server: PostgresServer
    dsns: Dsns

    @property
    def url(self) -> str:
        return self.dsns.event_log

    def kill(self) -> None:
        pid = self.server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def start(self) -> None:
        self.server.start()


@pytest.fixture(scope="session")
def postgres_log(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "eventlog_tests", [])


@pytest.fixture(scope="session")
def durable_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresLogServer]:
    """A server with fsync and synchronous commits, unlike the session's: these tests are about kill -9."""
    directory = tmp_path_factory.mktemp("durable") / "data"
    first = PostgresServer(directory, durable=True)
    first.start()
    # The log must find it again where it was.
    server = PostgresServer(directory, port=first.port, durable=True)
    try:
        yield PostgresLogServer(server, make_database(first.admin_dsn(), "eventlog_tests", []))
    finally:
        server.stop("immediate")
        server.destroy()


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "kafka":
        return "kafka://" + str(request.getfixturevalue("kafka_bootstrap"))
    dsns: Dsns = request.getfixturevalue("postgres_log")
    return dsns.event_log


@pytest.fixture(params=BOTH)
def server(request: pytest.FixtureRequest) -> Server:
    if request.param == "kafka":
        return KafkaServer(request.getfixturevalue("kafka_node"))
    killable: PostgresLogServer = request.getfixturevalue("durable_postgres")
    return killable


@pytest.fixture
async def log(url: str) -> AsyncIterator[EventLog]:
    opened = open_event_log(url, client_id="contract")
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
def topic() -> str:
    """A new name."""
    return f"contract.{uuid.uuid4().hex[:12]}.v1"


def numbered(count: int, *, keys: int = 7, start: int = 0) -> list[Record]:
    """Records with increasing values and rotating keys."""
    return [Record(b"key-%d" % (n % keys), b"%d" % n) for n in range(start, start + count)]


def partitions_of(topic: str, count: int) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(count)]


async def read_all(log: EventLog, topic: str, count: int, *, max_records: int = 1000) -> list[StoredRecord]:
    """Return all records from the first stored one to the present end, partition by partition."""
    names = partitions_of(topic, count)
    positions, ends = await log.begin_offsets(names), await log.end_offsets(names)
    found: list[StoredRecord] = []
    while any(positions[tp] < ends[tp] for tp in names):
        for tp, records in (await log.fetch(positions, max_records=max_records, max_wait_s=10)).items():
            found += records
            positions[tp] = records[-1].offset + 1
    return sorted(found, key=lambda record: (record.partition, record.offset))
