"""Combining, limits and outcomes of concurrent publish calls, without a server."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.eventlog import BackPressure, LogUnavailable, PublishOutcomeUnknown, Record, UnknownTopic
from shared.eventlog.publisher import Publisher
from tests.eventlog.conftest import numbered


class Sink:
    """Keeps written records. `gate` delays writes, `fail` makes the next writes of a lane fail."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, list[bytes | None]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fail: dict[str, Exception] = {}

    async def write(self, lane: str, records: Sequence[Record]) -> None:
        await self.gate.wait()
        if lane in self.fail:
            raise self.fail[lane]
        self.writes.append((lane, [record.value for record in records]))

    def publisher(self, *, batch_records: int = 100, records_max: int = 1000) -> Publisher[str]:
        return Publisher(self.write, batch_records=batch_records, batch_bytes=100_000, records_max=records_max)


async def test_calls_during_a_write_share_the_next_write_in_order() -> None:
    sink = Sink()
    publisher = sink.publisher(batch_records=10)
    sink.gate.clear()
    calls = []
    for start in range(0, 24, 4):
        calls.append(asyncio.create_task(publisher.publish({"a": numbered(4, start=start)}, timeout_s=5)))
        await asyncio.sleep(0)
    sink.gate.set()
    await asyncio.gather(*calls)
    assert [len(values) for _, values in sink.writes] == [4, 8, 8, 4]
    assert [value for _, values in sink.writes for value in values] == [b"%d" % n for n in range(24)]
    assert publisher.in_flight == (0, 0)


async def test_a_call_larger_than_a_batch_is_written_at_once() -> None:
    sink = Sink()
    await sink.publisher(batch_records=10).publish({"a": numbered(35)}, timeout_s=5)
    assert [len(values) for _, values in sink.writes] == [35]


async def test_lanes_do_not_wait_for_each_other() -> None:
    sink = Sink()
    sink.fail["slow"] = LogUnavailable("down")
    publisher = sink.publisher()
    with pytest.raises(LogUnavailable):
        await publisher.publish({"slow": numbered(1)}, timeout_s=5)
    await publisher.publish({"fast": numbered(1)}, timeout_s=5)
    assert sink.writes == [("fast", [b"0"])]


async def test_back_pressure_counts_waiting_records_and_ends_with_them() -> None:
    sink = Sink()
    publisher = sink.publisher(records_max=10)
    sink.gate.clear()
    first = asyncio.create_task(publisher.publish({"a": numbered(6), "b": numbered(2)}, timeout_s=5))
    await asyncio.sleep(0)
    with pytest.raises(BackPressure):
        await publisher.publish({"a": numbered(3)}, timeout_s=5)
    sink.gate.set()
    await first
    await publisher.publish({"a": numbered(50)}, timeout_s=5)  # larger than the bound, but alone
    assert sum(len(values) for _, values in sink.writes) == 58
    assert publisher.in_flight == (0, 0)


async def test_a_failed_write_is_unknown_and_a_call_that_only_waited_was_not_written() -> None:
    sink = Sink()
    publisher = sink.publisher()
    sink.gate.clear()
    handed = asyncio.create_task(publisher.publish({"a": numbered(1)}, timeout_s=0.2))
    await asyncio.sleep(0.01)
    with pytest.raises(LogUnavailable):
        await publisher.publish({"a": numbered(1, start=7)}, timeout_s=0.05)
    with pytest.raises(PublishOutcomeUnknown):
        await handed
    assert publisher.in_flight[0] == 1  # still in the adapter's hands
    sink.gate.set()
    await asyncio.sleep(0.01)
    assert sink.writes == [("a", [b"0"])]
    assert publisher.in_flight == (0, 0)


async def test_one_failed_lane_of_several_makes_the_call_unknown() -> None:
    sink = Sink()
    sink.fail["b"] = LogUnavailable("down")
    publisher = sink.publisher()
    with pytest.raises(PublishOutcomeUnknown, match="down"):
        await publisher.publish({"a": numbered(1), "b": numbered(1)}, timeout_s=5)
    sink.fail["a"] = LogUnavailable("down too")
    with pytest.raises(LogUnavailable):
        await publisher.publish({"a": numbered(1), "b": numbered(1)}, timeout_s=5)


async def test_known_errors_are_raised_and_unexpected_ones_are_unknown() -> None:
    sink = Sink()
    publisher = sink.publisher()
    sink.fail["a"] = UnknownTopic("a")
    with pytest.raises(UnknownTopic):
        await publisher.publish({"a": numbered(1)}, timeout_s=5)
    sink.fail["a"] = ZeroDivisionError()
    with pytest.raises(PublishOutcomeUnknown):
        await publisher.publish({"a": numbered(1)}, timeout_s=5)
    sink.fail.clear()
    await publisher.publish({"a": numbered(1)}, timeout_s=5)


async def test_a_cancelled_call_leaves_no_entry_behind() -> None:
    sink = Sink()
    publisher = sink.publisher()
    sink.gate.clear()
    handed = asyncio.create_task(publisher.publish({"a": numbered(1)}, timeout_s=5))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(publisher.publish({"a": numbered(1, start=7)}, timeout_s=5))
    await asyncio.sleep(0)
    for call in (handed, waiting):
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    sink.gate.set()
    await asyncio.sleep(0.01)
    assert sink.writes == [("a", [b"0"])]
    assert publisher.in_flight == (0, 0)


async def test_stop_waits_for_writes_and_refuses_new_calls() -> None:
    sink = Sink()
    publisher = sink.publisher()
    sink.gate.clear()
    call = asyncio.create_task(publisher.publish({"a": numbered(1)}, timeout_s=5))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(publisher.stop())
    await asyncio.sleep(0)
    with pytest.raises(LogUnavailable):
        await publisher.publish({"a": numbered(1)}, timeout_s=5)
    sink.gate.set()
    await stopping
    await call
    assert sink.writes == [("a", [b"0"])]
