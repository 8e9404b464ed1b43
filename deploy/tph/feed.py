"""`tph outcomes` and `tph partner`: every verdict in order, and the partner's own registration."""

import json
import time
import urllib.parse
from typing import Annotated

import typer

from deploy.tph import screen
from deploy.tph.commands import app, client_of

OUTCOMES = "/api/v1/ingest/outcomes"
PARTNER = "/api/v1/ingest/partner"
PAGE = 100
FOLLOW_PAUSE_S = 5.0


@app.command()
def outcomes(
    context: typer.Context,
    after: Annotated[
        str, typer.Option(help="上次打印的位置 the position printed last time; 缺省从头 default: all")
    ] = "",
    status: Annotated[str, typer.Option(help="只要这一种 only this status: credited, refused, parked, …")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="每行一个 JSON 对象 One JSON object a line.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="读到头后继续等待 Wait for more; Ctrl-C ends it.")] = False,
) -> None:
    """全部结果，按先后 Every verdict in order; prints the position to go on from on standard error."""
    client, position = client_of(context), after
    try:
        while True:
            given = {"after": position, "status": status, "limit": str(PAGE)}
            query = urllib.parse.urlencode({name: value for name, value in given.items() if value})
            page = client.json("GET", f"{OUTCOMES}?{query}")
            position = page["next_cursor"]
            if as_json:
                for item in page["items"]:
                    print(json.dumps(item, ensure_ascii=False), flush=True)
            elif page["items"]:
                screen.console.print(screen.results_table(page["items"], rows_max=PAGE))
            if not page["has_more"]:
                if not follow:
                    break
                time.sleep(FOLLOW_PAUSE_S)
    except KeyboardInterrupt:
        pass
    screen.errors.print(f"续读 go on with: --after {position}", soft_wrap=True, highlight=False)


@app.command()
def partner(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="原样打印应答 Print the answer as it is.")] = False,
) -> None:
    """本方的登记、密钥与剩余额度 Own registration, keys, and what is left of the limits."""
    found = client_of(context).json("GET", PARTNER)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    rows = screen.table("项目 item", "值 value")
    rows.add_row("合作方 partner", f"{found['partner_id']} {found['name']} {found['name_en']}")
    rows.add_row("环境 environment", found["environment"])
    rows.add_row("source", found["source"])
    for title, name in (("事件类型 event types", "event_types"), ("城市 cities", "cities"), ("场景 scenes", "scenes")):
        rows.add_row(title, "\n".join(found[name]) or "不限 any")
    rows.add_row("地址 networks", "\n".join(found["allowed_networks"]) or "不限 any")
    for key in found["keys"]:
        mark = " ←" if key["signed_this"] else ""
        rows.add_row("密钥 key", f"{key['app_key']} {key['algorithm']} {key['environment']} {key['state']}{mark}")
    for limit in found["limits"]:
        rows.add_row(
            f"额度 limit {limit['name']}",
            f"剩余 left {limit['remaining']} / {limit['limit']}，{limit['reset_s']} 秒后恢复 full again in s",
        )
    webhook = found["webhook"]
    rows.add_row("推送 webhook", f"{webhook['url']} {webhook['status']}" if webhook else "-")
    screen.console.print(rows)
