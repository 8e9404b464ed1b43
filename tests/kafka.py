"""A real Apache Kafka for the session's tests: the one of KAFKA_BOOTSTRAP_SERVERS, or a node of our own."""

import os
import warnings
from collections.abc import Iterator

import pytest

from deploy.kafka.jars import KafkaUnavailable
from deploy.kafka.node import KafkaNode

# Compaction within a test's patience.
QUICK_CLEANER = {"log.cleaner.backoff.ms": "200", "log.initial.task.delay.ms": "200"}


@pytest.fixture(scope="session")
def kafka_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    """A broker the tests may kill; without Java or Maven the test is skipped, in CI it fails."""
    node = KafkaNode(tmp_path_factory.mktemp("kafka"), overrides=QUICK_CLEANER)
    try:
        node.start()
    except KafkaUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"CI must test on a real Kafka: {error}")
        warnings.warn(pytest.PytestWarning(f"NOT TESTED ON KAFKA: {error}"), stacklevel=1)
        pytest.skip(str(error))
    try:
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> str:
    """`host:port[,host:port]` of a running Kafka."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        return given
    node: KafkaNode = request.getfixturevalue("kafka_node")
    return node.bootstrap_servers
