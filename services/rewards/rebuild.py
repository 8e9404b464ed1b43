"""Rebuilds badges and rankings beside the live ones, while the service runs: `python -m services.rewards.rebuild`."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from services.rewards.refreshing.rebuilding import Rebuild, Report
from services.rewards.settings import Settings
from shared.contracts import topics
from shared.db import Database
from shared.eventlog import open_event_log

_STAGES = {
    "log": "重读结果 verdicts read from the log again",
    "donations": "捐赠 donations",
    "sums": "汇总 sums",
    "boards": "排行 boards",
    "live": "切换 switched",
    "done": "完成 done",
}


async def rebuild(settings: Settings, *, replay: bool, console: Console) -> Report:
    def tell(stage: str, report: Report) -> None:
        counts = ", ".join(f"{name} {value:,}" for name, value in asdict(report).items() if value)
        console.print(f"{_STAGES[stage]}: {counts}")

    database = Database(settings.database_url, pool_size=2, application_name="rewards-rebuild", plan_each_time=True)
    log = open_event_log(settings.event_log_url, client_id="rewards-rebuild") if replay else None
    try:
        if log is not None:
            await log.start()
        topic = settings.topic_prefix + topics.OUTCOMES
        return await Rebuild(database, log, topic, settings.time_zone, tell).run()
    finally:
        if log is not None:
            await log.stop()
        await database.stop()


def main(
    replay: Annotated[bool, typer.Option(help="先重读日志中仍保留的结果 read what the log still has first")] = True,
) -> None:
    """重建徽章与排行 Rebuild badges and rankings. Interrupted, it goes on at the next call."""
    asyncio.run(rebuild(Settings(), replay=replay, console=Console()))


if __name__ == "__main__":
    typer.run(main)
