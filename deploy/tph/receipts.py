"""`tph webhook …`: manages the address that results are sent to, and shows the deliveries."""

import json
from typing import Annotated, Any

import typer

from deploy.tph import screen
from deploy.tph.commands import app, client_of

WEBHOOK = "/api/v1/ingest/webhook"
DELIVERIES = "/api/v1/ingest/deliveries"

webhook = typer.Typer(no_args_is_help=True, help="回执推送 Results sent to your own address.")
app.add_typer(webhook, name="webhook")


def _print_endpoint(endpoint: dict[str, Any]) -> None:
    reason = f"（{endpoint['disabled_reason']}）" if endpoint["disabled_reason"] else ""
    where = screen.errors if endpoint["secret"] else screen.console
    where.print(f"{endpoint['url']}：{endpoint['status']}{reason}", soft_wrap=True)
    if endpoint["failing_since"]:
        screen.console.print(f"自 {endpoint['failing_since']} 起失败 failing since")
    if endpoint["secret"]:
        # Only the secret goes to standard output, so that a script can store it.
        screen.errors.print("密钥只显示这一次 the secret is shown this once:")
        print(endpoint["secret"])


@webhook.command("set")
def set_(context: typer.Context, url: Annotated[str, typer.Argument(help="https://…")]) -> None:
    """登记接收地址 Register the address."""
    _print_endpoint(client_of(context).json("PUT", WEBHOOK, json.dumps({"url": url}).encode()))


@webhook.command()
def show(context: typer.Context) -> None:
    """查看地址与健康状况 The address and its health."""
    _print_endpoint(client_of(context).json("GET", WEBHOOK))


@webhook.command()
def rotate(
    context: typer.Context,
    overlap_s: Annotated[
        int, typer.Option(min=0, help="旧密钥继续签名的秒数 seconds during which the old one signs too")
    ] = 86_400,
) -> None:
    """轮换密钥 Rotate the secret."""
    body = json.dumps({"overlap_s": overlap_s}).encode()
    _print_endpoint(client_of(context).json("POST", f"{WEBHOOK}:rotate-secret", body))


@webhook.command()
def ping(context: typer.Context) -> None:
    """发送一条测试推送 Send a test delivery."""
    print(client_of(context).json("POST", f"{WEBHOOK}:ping")["delivery_id"])


@webhook.command()
def deliveries(
    context: typer.Context, limit: Annotated[int, typer.Option(min=1, max=100, help="条数 how many")] = 20
) -> None:
    """最近的推送 The latest deliveries."""
    table = screen.table("推送 delivery", "结果数 results", "状态 status", "尝试 tries", "最近 last")
    for item in client_of(context).json("GET", f"{DELIVERIES}?limit={limit}")["items"]:
        last = " ".join(str(part) for part in (item["last_status_code"], item["last_error"]) if part)
        table.add_row(
            item["delivery_id"], str(item["events"]), screen.status_text(item["status"]), str(item["attempts"]), last
        )
    screen.console.print(table)


@webhook.command()
def replay(context: typer.Context, delivery_id: Annotated[str, typer.Argument()]) -> None:
    """重发一条 Send one again."""
    client_of(context).json("POST", f"{DELIVERIES}/{delivery_id}:replay")
    screen.console.print("已排队 queued")
