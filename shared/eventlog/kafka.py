"""The event log on Apache Kafka. Only the modules kafka_*.py import aiokafka.

Addresses: shared/eventlog/kafka_client.py. Brokers should have auto.create.topics.enable=false, and in production
three replicas with min.insync.replicas=2: they decide whether an acknowledged record survives the loss of a machine.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from shared.eventlog.errors import LogUnavailable, PositionLost, UnknownTopic
from shared.eventlog.kafka_client import client_options
from shared.eventlog.kafka_cluster import KafkaCluster
from shared.eventlog.kafka_producer import BATCH_BYTES, BATCH_RECORDS, KafkaWriter
from shared.eventlog.kafka_reader import KafkaReaders, OutOfRange
from shared.eventlog.port import PUBLISH_TIMEOUT_S, Record, StoredRecord, TopicPartition, partition_for
from shared.eventlog.progress import ProgressRecorder
from shared.eventlog.publisher import IN_FLIGHT_BYTES_MAX, IN_FLIGHT_RECORDS_MAX, Publisher


class KafkaEventLog:
    """EventLog on a Kafka cluster. Connects at first use."""

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        in_flight_records_max: int = IN_FLIGHT_RECORDS_MAX,
        in_flight_bytes_max: int = IN_FLIGHT_BYTES_MAX,
    ) -> None:
        options = client_options(url, client_id)
        self._cluster = KafkaCluster(options)
        self._writer = KafkaWriter(options)
        self._readers = KafkaReaders(options)
        self._counts: dict[str, int] = {}
        self._stopped = False
        self._publisher: Publisher[TopicPartition] = Publisher(
            self._writer.write,
            batch_records=BATCH_RECORDS,
            batch_bytes=BATCH_BYTES,
            records_max=in_flight_records_max,
            bytes_max=in_flight_bytes_max,
        )
        self._progress = ProgressRecorder(self._cluster.commit)

    async def start(self) -> None:
        self._stopped = False
        self._publisher.resume()
        self._readers.resume()

    async def stop(self) -> None:
        self._stopped = True
        await self._publisher.stop()
        await self._progress.stop()
        await self._readers.stop()
        await self._writer.stop()
        await self._cluster.stop()

    async def ensure_topic(self, topic: str, *, partitions: int, compacted: bool = False) -> None:
        self._require_running()
        await self._cluster.ensure_topic(topic, partitions, compacted=compacted)
        self._counts[topic] = partitions

    async def partition_count(self, topic: str) -> int:
        if topic not in self._counts:
            self._require_running()
            self._counts[topic] = await self._cluster.partition_count(topic)
        return self._counts[topic]

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float = PUBLISH_TIMEOUT_S) -> None:
        self._require_running()
        if not records:
            return
        count = await self.partition_count(topic)
        await self._writer.check_alive()
        parts: defaultdict[int, list[Record]] = defaultdict(list)
        for record in records:
            parts[partition_for(record.key, count)].append(record)
        lanes = {TopicPartition(topic, number): part for number, part in parts.items()}
        await self._publisher.publish(lanes, timeout_s=timeout_s)

    async def fetch(
        self, positions: Mapping[TopicPartition, int], *, max_records: int, max_wait_s: float
    ) -> dict[TopicPartition, list[StoredRecord]]:
        self._require_running()
        if not positions:
            await asyncio.sleep(max_wait_s)
            return {}
        await self._require_partitions(list(positions))
        try:
            return await self._readers.fetch(positions, max_records, max_wait_s)
        except OutOfRange as error:
            begins = await self._cluster.begin_offsets(list(positions))
            ends = await self._cluster.end_offsets(list(positions))
            for tp, position in positions.items():
                if not begins[tp] <= position <= ends[tp]:
                    raise PositionLost(
                        f"{tp}: asked for offset {position}, the log has {begins[tp]} to {ends[tp]}"
                    ) from error
            raise LogUnavailable("the broker refused a position that exists") from error

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        self._require_running()
        await self._require_partitions(partitions)
        return await self._cluster.end_offsets(partitions)

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        self._require_running()
        await self._require_partitions(partitions)
        return await self._cluster.begin_offsets(partitions)

    async def record_progress(self, consumer: str, positions: Mapping[TopicPartition, int]) -> None:
        if not self._stopped:
            self._progress.record(consumer, positions)

    async def trim(self) -> int:
        return 0

    async def ping(self) -> None:
        self._require_running()
        await self._writer.check_alive()

    def _require_running(self) -> None:
        if self._stopped:
            raise LogUnavailable("the event log of this process is stopped")

    async def _require_partitions(self, partitions: Sequence[TopicPartition]) -> None:
        for tp in partitions:
            if not 0 <= tp.partition < await self.partition_count(tp.topic):
                raise UnknownTopic(f"there is no {tp}")
