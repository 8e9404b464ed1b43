"""Makes aiokafka's clients from a `kafka://` address. The library has no types, so they are Any."""

import asyncio
import ssl
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import aiokafka
import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from shared.eventlog.errors import LogUnavailable
from shared.eventlog.port import TopicPartition

DEFAULT_PORT = 9092
REQUEST_TIMEOUT_MS = 5_000
"""A connection with an unanswered request is closed after this time. The idempotent producer then sends again."""
RETRY_BACKOFF_MS = 100
METADATA_MAX_AGE_MS = 60_000
START_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 3.0
"""For one request to the cluster, including aiokafka's retries."""

SASL_MECHANISMS = frozenset({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"})
_OPTIONS = frozenset({"mechanism", "ca"})
_log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

new_producer: Any = aiokafka.AIOKafkaProducer
new_consumer: Any = aiokafka.AIOKafkaConsumer
new_admin: Any = AIOKafkaAdminClient
new_topic: Any = NewTopic
_config_resource: Any = ConfigResource


def client_options(url: str, client_id: str) -> dict[str, Any]:
    """Return the options of a producer, consumer or admin client.

    `kafka://host:port,host:port` is plain text; `kafkas://` is TLS, verified against the system's authorities or the
    file of `?ca=`. `user:password@` signs in by SASL, with SCRAM-SHA-512 unless `?mechanism=` names another.
    Raises ValueError without quoting the password.
    """
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    asked = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    unknown = asked.keys() - _OPTIONS
    if unknown:
        raise ValueError(f"unknown options in the Kafka address: {', '.join(sorted(unknown))}")
    servers = [host if _has_port(host) else f"{host}:{DEFAULT_PORT}" for host in hosts.split(",") if host]
    if not servers or parts.path not in {"", "/"}:
        raise ValueError("a Kafka address is kafka://host:port[,host:port]")
    tls = parts.scheme == "kafkas"
    options: dict[str, Any] = {
        "bootstrap_servers": servers,
        "client_id": client_id,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "retry_backoff_ms": RETRY_BACKOFF_MS,
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        "security_protocol": ("SASL_" if credentials else "") + ("SSL" if tls else "PLAINTEXT"),
    }
    if tls:
        options["ssl_context"] = ssl.create_default_context(cafile=asked.get("ca", [None])[0])
    if credentials:
        user, _, password = credentials.partition(":")
        mechanism = asked.get("mechanism", ["SCRAM-SHA-512"])[0]
        if mechanism not in SASL_MECHANISMS:
            raise ValueError(f"the SASL mechanism is one of {', '.join(sorted(SASL_MECHANISMS))}")
        options |= {
            "sasl_mechanism": mechanism,
            "sasl_plain_username": unquote(user),
            "sasl_plain_password": unquote(password),
        }
    return options


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and host.rpartition(":")[0] != ""


async def ask_within(timeout_s: float, question: Awaitable[Answer]) -> Answer:
    """Return the answer of the cluster. Raises LogUnavailable."""
    try:
        return await asyncio.wait_for(question, timeout_s)
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(f"Kafka does not answer: {error!r}"[:300]) from error


def kafka_partition(tp: TopicPartition) -> Any:
    """Return the partition as aiokafka's type."""
    return aiokafka.TopicPartition(tp.topic, tp.partition)


def topic_resource(topic: str, settings: dict[str, None]) -> Any:
    """Return the request for these settings of a topic."""
    return _config_resource(ConfigResourceType.TOPIC, topic, settings)


async def start_client(client: Any) -> None:
    """Start a client within START_TIMEOUT_S. Otherwise close it and raise LogUnavailable."""
    try:
        await ask_within(START_TIMEOUT_S, client.start())
    except BaseException:
        await close_client(client)
        raise


async def close_client(client: Any) -> None:
    """Close a consumer or admin client within START_TIMEOUT_S. Errors are only logged."""
    stop: Any = getattr(client, "stop", None) or client.close  # the admin client has `close`
    if not await ends_within(stop(), START_TIMEOUT_S):
        # aiokafka closes a client that never started only this way.
        await ends_within(client._client.close(), START_TIMEOUT_S)  # noqa: SLF001


async def ends_within(work: Coroutine[Any, Any, object], timeout_s: float) -> bool:
    """Whether `work` ended in time and without an error.

    It runs in its own task: if a consumer is stopped while its broker is away, aiokafka 0.14 cancels its parts and
    raises CancelledError, which must not look like a cancellation of our task.
    """
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=timeout_s)
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=timeout_s)
    if task.done() and not task.cancelled() and task.exception() is None:
        return True
    _log.info("kafka_client_not_closed", task=repr(task)[:300])
    return False
