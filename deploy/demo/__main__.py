"""`python -m deploy.demo`: runs the demo against the running stack. Starts a stack if none runs."""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.demo import steps
from deploy.demo.events import CITIZENS, Event
from deploy.demo.gateway import DemoFailure, Gateway, Tally, push_and_settle
from deploy.demo.life import story
from deploy.demo.morning import story as morning
from deploy.demo.steps import Citizen
from deploy.local.settings import ROOT, LocalSettings

console = Console()
VOLUNTEER_EVENTS = 2906
_ERASURES = {
    "planned": "冷静期 planned",
    "running": "已删除，待答复 erased",
    "done": "全部完成 done",
}


def main(
    start: Annotated[bool, typer.Option(help="没有运行时先启动 Start the stack when it is not running.")] = True,
) -> None:
    """真实行程、志愿者的一年、一位市民的一生、运营方的一个早晨 Real trips, a year, a life, an operator's morning."""
    directory = LocalSettings().directory
    if start:
        started = subprocess.run([sys.executable, "-m", "deploy.local", "up", "--detach"], cwd=ROOT, check=False)
        if started.returncode:
            raise typer.Exit(started.returncode)
    try:
        result = asyncio.run(_run())
    except DemoFailure as failure:
        console.print(f"[red]演示未通过 The demo failed:[/red] {failure}")
        raise typer.Exit(1) from failure
    (directory / "demo.json").write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    _show(result)
    console.print(f"结果文件 Result: {directory / 'demo.json'}")


async def _run() -> dict[str, Any]:
    gateway = Gateway(LocalSettings().directory / "credentials.json")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            return await _steps(gateway, progress)
    finally:
        await gateway.close()


async def _steps(gateway: Gateway, progress: Progress) -> dict[str, Any]:
    run, now, began = secrets.token_hex(4), steps.now_in_shanghai(), time.monotonic()

    def bar(title: str, total: int) -> steps.Advance:
        task = progress.add_task(title, total=total)
        return lambda count: progress.update(task, advance=count)

    citizens = await steps.open_accounts(gateway, run, now, bar("开通账户 opening accounts", CITIZENS))
    events = steps.trip_events(gateway, run, citizens, now)
    pushed_at = time.monotonic()
    trips = await _push_trips(gateway, events, bar("真实行程 real trips", len(events)))
    push_seconds = time.monotonic() - pushed_at
    # The life mostly waits for answers and for topics, so it runs beside the rest.
    life = asyncio.create_task(story.play(gateway, run, now, bar("一位市民的一生 a citizen's life", story.STAGES)))
    directory, title = LocalSettings().directory, "运营方的一个早晨 an operator's morning"
    working = asyncio.create_task(morning.play(gateway, run, directory, bar(title, morning.STAGES)))
    try:
        volunteer, year, figures = await steps.volunteer_year(
            gateway, run, now, bar("志愿者的一年 the volunteer's year", VOLUNTEER_EVENTS)
        )
        rewarded = await steps.reward(gateway, run, volunteer)
        tally = Tally()
        tally.add(trips)
        tally.add(year)
        await steps.check_ledger(gateway, tally)
        replay = await _replay(gateway, events, [*citizens, volunteer], bar("重放 replay", len(events)))
        lived, worked = await life, await working
        check = await steps.check_ledger(gateway, tally)
    finally:
        life.cancel()
        working.cancel()
    return {
        **_counts(tally),
        "duplicates_on_replay": replay["duplicates"],
        "citizens": len(citizens),
        "credited_mg_total": replay["credited_mg_total"],
        "volunteer": figures,
        "life": lived,
        "morning": worked,
        "order_status": rewarded["order_status"],
        "donation_mg": rewarded["donation_mg"],
        "ledger_ok": check["ok"],
        "seconds": round(time.monotonic() - began, 1),
        "events_per_second": round(len(events) / push_seconds),
        "real_trips": {
            "sent": trips.sent,
            "credited": trips.counts["credited"],
            "refused_by_reason": dict(sorted(trips.refused_by_reason.items())),
        },
        "reward": rewarded,
        "ledger": check,
    }


def _counts(tally: Tally) -> dict[str, Any]:
    return {
        "events_sent": tally.sent,
        "accepted": tally.accepted,
        "rejected": tally.rejected,
        "credited": tally.counts["credited"],
        "refused": tally.counts["refused"],
        "parked": tally.counts["parked"],
        "duplicates": tally.counts["duplicate"],
        "refused_by_reason": dict(sorted(tally.refused_by_reason.items())),
    }


async def _push_trips(gateway: Gateway, events: list[Event], advance: steps.Advance) -> Tally:
    return await push_and_settle(gateway, [(gateway.partners["t3"], events)], advance)


async def _replay(
    gateway: Gateway, events: list[Event], everyone: list[Citizen], advance: steps.Advance
) -> dict[str, int]:
    """Push the whole file of real trips again. Every event must be a duplicate and no balance may change."""
    before_mg = await steps.credited_total_mg(gateway, everyone)
    again = await _push_trips(gateway, events, advance)
    steps.require(again.counts["duplicate"] == again.accepted, "重放应全部为重复 a replay is all duplicates", again)
    after_mg = await steps.credited_total_mg(gateway, everyone)
    steps.require(before_mg == after_mg, "重放不应改变余额 a replay changes no balance", (before_mg, after_mg))
    return {"duplicates": again.counts["duplicate"], "credited_mg_total": after_mg}


def _show(result: dict[str, Any]) -> None:
    events = Table(title="事件 Events")
    events.add_column("结果 outcome")
    events.add_column("数量 count", justify="right")
    for title, key in (
        ("推送 sent", "events_sent"),
        ("受理 accepted", "accepted"),
        ("记入 credited", "credited"),
        ("重放时重复 duplicates on replay", "duplicates_on_replay"),
    ):
        events.add_row(title, f"{result[key]:,}")
    for reason, count in result["refused_by_reason"].items():
        events.add_row(f"拒绝 refused · {reason}", f"{count:,}")
    grams = Table(title="减碳量与奖励 Grams and rewards")
    grams.add_column("项目 what")
    grams.add_column("", justify="right")
    for title, value in (
        ("居民 citizens", f"{result['citizens']:,}"),
        ("累计减碳 credited in all", f"{result['credited_mg_total'] / 1e6:,.3f} kg"),
        ("志愿者一个月 volunteer, a month", f"{result['volunteer']['month_mg'] / 1e3:,.0f} g"),
        ("志愿者一年 volunteer, the year", f"{result['volunteer']['year_mg'] / 1e3:,.0f} g"),
        ("热干面订单 noodles", result["order_status"]),
        ("第二碗 a second bowl", result["reward"]["second_order"]),
        ("捐赠 donated", f"{result['donation_mg'] / 1e3:,.0f} g"),
        ("账本核对 ledger", "一致 consistent" if result["ledger_ok"] else "不一致 NOT consistent"),
        ("真实行程速率 real trips", f"{result['events_per_second']:,} events/s"),
        ("用时 took", f"{result['seconds']} s"),
    ):
        grams.add_row(title, str(value))
    console.print(events)
    console.print(grams)
    console.print(_life_table(result["life"]))
    console.print(_morning_table(result["morning"]))


def _life_table(life: dict[str, Any]) -> Table:
    table = Table(title="一位市民的一生 A citizen's life")
    table.add_column("经历 what happened")
    table.add_column("", justify="right")
    for title, value in (
        ("四种绑定各记一笔 four ways to bind", life["credited"]),
        ("热干面与微信消息 noodles and message", life["order"]),
        ("全家同意的捐赠 donated together", " ".join(dict.fromkeys(life["household"]))),
        ("撤回同意之后乘车 after the withdrawal", life["withdrawn"]),
        ("步数（同意次日起） days of steps", len(life["steps"])),
        ("两人核准的企业成员 enterprise members", life["enterprise_members"]),
        ("导出的全部记录 rows exported", f"{life['export_rows']:,}"),
        ("注销 erasure", _ERASURES[life["erasure"]]),
    ):
        table.add_row(title, str(value))
    return table


def _morning_table(told: dict[str, Any]) -> Table:
    table = Table(title="运营方的一个早晨 An operator's morning")
    table.add_column("经历 what happened")
    table.add_column("", justify="right")
    for title, value in (
        ("两人核准的事 decided by two", told["by_two"]),
        ("新商品的图片 picture of the new item", f"{told['picture_bytes']:,} B"),
        ("导入的券码 codes imported", told["codes"]),
        ("追加预算之前 before the budget was raised", told["before_raise"]),
        ("收银台核销 at the till", told["voucher"]),
        ("日结 settled", f"{told['settled_pieces']} 份 pieces, {told['settled_fen']} 分 fen"),
        ("日结单 settlement.pdf", f"{told['pdf_bytes']:,} B"),
        ("顾客的徽章 the guest's badges", "、".join(told["badges"])),
        (f"武昌区排行 rank of {told['pseudonym']}", f"第 {told['rank']} 名"),
    ):
        table.add_row(title, str(value))
    return table


if __name__ == "__main__":
    typer.run(main)
