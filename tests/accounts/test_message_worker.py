"""The whole way of a message: an order on the log, the worker, WeChat over HTTP."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest
import uvicorn
from fastapi import FastAPI

from deploy.local.fake_wechat.state import FakeWechat
from services.accounts import worker as accounts_worker
from services.accounts.settings import Settings
from shared.contracts.rewards_v1 import RewardEvent
from shared.contracts.topics import PARTITIONS, REWARDS
from shared.eventlog import Record, open_event_log
from tests.accounts.conftest import People
from tests.accounts.subscribers import subscriber
from tests.accounts.test_evening_messages import confirmed


@pytest.fixture
async def wechat_url(wechat_server: FastAPI) -> AsyncIterator[str]:
    """The fake WeChat on a port of its own."""
    server = uvicorn.Server(uvicorn.Config(wechat_server, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server._serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


async def test_a_confirmed_order_on_the_log_arrives_at_its_owners_phone_once(
    people: People, settings: Settings, wechat_url: str, fake: FakeWechat
) -> None:
    anna = await subscriber(people, "anna", times=3, kind="order_confirmed")
    order: RewardEvent = confirmed(anna, uuid.uuid4().int)
    key = str(anna.account["account_id"]).encode()
    worker = accounts_worker.build(settings.model_copy(update={"wechat_base_url": wechat_url}))
    stopping = asyncio.Event()
    running = asyncio.create_task(worker.run_until(stopping))
    log = open_event_log(settings.event_log_url, client_id="test")
    try:
        await log.start()
        await log.ensure_topic(REWARDS, partitions=PARTITIONS[REWARDS])
        record = Record(key=key, value=msgspec.json.encode(order), headers=())
        await log.publish(REWARDS, [record, record])
        async with asyncio.timeout(30):
            while not fake.received:
                await asyncio.sleep(0.05)
        await asyncio.sleep(1.5)
    finally:
        stopping.set()
        await running
        await log.stop()
    assert [(one["openid"], one["template_id"]) for one in fake.received] == [("anna", "dev-order-confirmed")]
