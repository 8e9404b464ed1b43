"""The application, its identity options, and the commands `sign`, `push` and `status`."""

import hashlib
import sys
import time
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from deploy.tph import events as files
from deploy.tph import screen
from deploy.tph.client import Client, error_from
from deploy.tph.errors import CommandError
from deploy.tph.identity import Identity, load_identity
from shared.auth import cp1

EVENTS = "/api/v1/ingest/events"
BATCH = "application/cloudevents-batch+json"
_POLL_S = 0.3

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="合作方接入工具 The partner's command line. 文档 docs/integration/README.md",
)


@app.callback()
def _set_identity(
    context: typer.Context,
    credentials: Annotated[
        Path, typer.Option(envvar="TPH_CREDENTIALS", help="本地环境的凭证文件 Credentials of the local stack.")
    ] = Path(".run/credentials.json"),
    partner: Annotated[str, typer.Option(envvar="TPH_PARTNER", help="凭证文件中的合作方 Which partner of it.")] = "",
    gateway: Annotated[str, typer.Option(envvar="TPH_GATEWAY_URL", help="平台地址 The platform's address.")] = "",
    app_key: Annotated[str, typer.Option(envvar="TPH_APP_KEY")] = "",
    algorithm: Annotated[str, typer.Option(envvar="TPH_ALGORITHM", help="缺省 default CP1-HMAC-SHA256.")] = "",
    key_file: Annotated[
        Path | None, typer.Option(envvar="TPH_KEY_FILE", help="密钥或 PEM 私钥文件 File of the secret or private key.")
    ] = None,
    secret: Annotated[str, typer.Option(envvar="TPH_SECRET", hidden=True, help="From the environment only.")] = "",
) -> None:
    """身份取自环境变量 TPH_*，或凭证文件。The identity comes from TPH_* or from a credentials file."""
    context.obj = {
        "credentials": credentials,
        "partner": partner,
        "gateway": gateway,
        "app_key": app_key,
        "secret": secret,
        "key_file": key_file,
        "algorithm": algorithm,
    }


def identity_of(context: typer.Context) -> Identity:
    return load_identity(**context.obj)


def client_of(context: typer.Context) -> Client:
    return Client(identity_of(context), notify=lambda sentence: screen.errors.print(Text(sentence, style="yellow")))


@app.command()
def sign(
    context: typer.Context,
    method: Annotated[str, typer.Option(help="HTTP 方法 method")] = "POST",
    path: Annotated[str, typer.Option(help="路径与查询串 path and query, as sent")] = EVENTS,
    timestamp: Annotated[int | None, typer.Option(help="秒 seconds; 缺省当前 default now")] = None,
    nonce: Annotated[str | None, typer.Option(help="16–64 位 characters; 缺省随机 default random")] = None,
    header_only: Annotated[bool, typer.Option("--header-only", help="只打印签名头 Only the header.")] = False,
) -> None:
    """从标准输入读请求体，打印待签名串和签名头 Sign the body on standard input."""
    body = sys.stdin.buffer.read()
    identity = identity_of(context)
    header = identity.authorization(method, path, body, timestamp=timestamp, nonce=nonce)
    if header_only:
        print(header)
        return
    credential = cp1.parse_authorization(header)
    assert credential is not None
    message = cp1.string_to_sign(
        method=method, target=path, timestamp=credential.timestamp, nonce=credential.nonce, body=body
    )
    print("待签名串 string to sign (\\n = 换行 newline):")
    print(message.decode("utf-8", "backslashreplace").replace("\n", "\\n\n"), end="")
    print(f"SHA-256 {hashlib.sha256(message).hexdigest()}  ({len(message)} 字节 bytes)")
    print(f"Authorization: {header}")


@app.command()
def push(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON 数组、单个事件或每行一个 array, one event, or one a line")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只校验，不写入 Check only.")] = False,
    batch: Annotated[int, typer.Option(min=1, max=files.BATCH_EVENTS_MAX, help="每批条数 events a batch")] = 500,
) -> None:
    """推送事件 Push events; exit code 0 all accepted, 1 some rejected, 2 not sent."""
    events = files.read_events(file)
    client = client_of(context)
    target = f"{EVENTS}?dry_run=true" if dry_run else EVENTS
    rejected: list[dict[str, Any]] = []
    accepted, receipts = 0, []
    environments: set[str] = set()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=screen.errors,
        transient=True,
    ) as progress:
        task = progress.add_task("推送 pushing", total=len(events))
        for first, body in files.encode_batches(events, batch):
            answer = client.json("POST", target, body, content_type=BATCH)
            for item in answer["results"]:
                if item["status"] == "rejected":
                    rejected.append({**item, "index": first + item["index"]})
            accepted += answer["accepted"]
            environments.add(answer.get("environment", "live"))
            if answer.get("receipt_id"):
                receipts.append(answer["receipt_id"])
            progress.advance(task, len(answer["results"]))
    if rejected:
        screen.console.print(screen.results_table(rejected))
    kind = "试运行 dry run" if dry_run else "沙箱 sandbox" if "sandbox" in environments else "正式 live"
    screen.console.print(f"{kind}：接收 accepted {accepted}，拒收 rejected {len(rejected)}")
    for receipt_id in receipts:
        screen.console.print(f"回执 receipt {receipt_id}", soft_wrap=True)
    raise typer.Exit(1 if rejected else 0)


@app.command()
def status(
    context: typer.Context,
    event_id: Annotated[str, typer.Argument(help="事件 id event id")] = "",
    receipt: Annotated[str, typer.Option(help="回执号 receipt id")] = "",
    wait: Annotated[int, typer.Option(min=0, max=600, help="最多等待几秒 seconds to wait for a verdict")] = 0,
) -> None:
    """一条事件或一批的去向 The status of an event or a batch; exit code 0 if there is a verdict, else 1."""
    if bool(event_id) == bool(receipt):
        raise CommandError("请给出事件 id，或 --receipt", "Give either an event id or --receipt")
    client = client_of(context)
    # As a parameter: a gateway may read `/` or `..` in a path differently.
    query = urllib.parse.urlencode({"id": event_id})
    target = f"/api/v1/ingest/receipts/{receipt}" if receipt else f"/api/v1/ingest/events?{query}"
    deadline = time.monotonic() + wait
    while True:
        answer = client.request("GET", target)
        found = answer.json() if answer.is_success else None
        done = found is not None and (found.get("settled") if receipt else found["status"] != "received")
        if done or time.monotonic() >= deadline:
            break
        time.sleep(_POLL_S)
    if found is None:
        raise error_from(answer)
    if receipt:
        screen.console.print(screen.results_table(found["results"]))
        counts = Counter({k: v for k, v in found["counts"].items() if v})
        summary = "，".join(f"{screen.STATUS_WORDS[name]} {count}" for name, count in counts.items())
        screen.console.print(f"{'已有全部结果 settled' if found['settled'] else '仍有未定 not settled'}：{summary}")
    else:
        screen.console.print(screen.results_table([{**found, "index": 0}]))
    raise typer.Exit(0 if done else 1)
