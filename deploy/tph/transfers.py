"""`tph import` and `tph reconcile`: upload a file in signed parts, wait for it, and print the result."""

import hashlib
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from deploy.tph import screen
from deploy.tph.client import Client
from deploy.tph.commands import app, client_of
from deploy.tph.errors import CommandError

IMPORTS = "/api/v1/ingest/imports"
REPORTS = "/api/v1/ingest/reconciliation/reports"
_POLL_S = 0.5
_READ_BYTES = 1 << 20
_SHOWN_MAX = 50
_FORMATS = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="*.csv, *.ndjson，可 .gz")]
Charset = Annotated[str, typer.Option(help="文件编码 encoding: utf-8, gb18030 (GBK)")]
Zone = Annotated[str, typer.Option(help="CSV 中不带时区的时间 of times without an offset, e.g. Asia/Shanghai")]
EventType = Annotated[str, typer.Option("--type", help="没有 type 列时 type of lines without one, e.g. trip.completed")]


@app.command("import")
def import_(
    context: typer.Context,
    file: File,
    event_type: EventType = "",
    charset: Charset = "",
    zone: Zone = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只校验，不入账 Check only.")] = False,
) -> None:
    """导入 T+1 文件 Import a file; safe to repeat. Exit code 0 if every line passed."""
    client = client_of(context)
    form = {"event_type": event_type or None, "charset": charset or None, "zone": zone or None}
    done = upload_and_wait(client, file, {"mode": "import", "dry_run": dry_run, **form})
    progress = done["progress"]
    if progress["rejected"]:
        table = screen.table("行 line", "事件 event", "原因 reason", "")
        for one in client.json("GET", f"{IMPORTS}/{done['import_id']}/errors?limit={_SHOWN_MAX}")["items"]:
            table.add_row(str(one["line"]), one["id"] or "", f"{one['code']} {one['field'] or ''}", one["message"])
        screen.console.print(table)
    screen.console.print(f"接收 accepted {progress['accepted']}，拒收 rejected {progress['rejected']}")
    raise typer.Exit(1 if progress["rejected"] else 0)


@app.command()
def reconcile(
    context: typer.Context,
    date: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="行为发生日 day of the acts")],
    file: File,
    event_type: EventType = "",
    charset: Charset = "",
    zone: Zone = "",
) -> None:
    """与平台对账 Compare a day's file with the platform's; exit code 0 if there is no difference."""
    client = client_of(context)
    day = date.date().isoformat()
    form = {"event_type": event_type or None, "charset": charset or None, "zone": zone or None}
    done = upload_and_wait(client, file, {"mode": "reconcile", "date": day, **form})
    report = client.json("GET", f"{REPORTS}/{done['import_id']}")
    table = screen.table("", "贵方 yours", "平台 ours")
    names = {"events": "事件 events", "distance_m": "里程 metres", "weight_g": "重量 grams", "energy_wh": "电量 Wh"}
    for name, title in names.items():
        table.add_row(title, str(report["theirs"][name]), str(report["ours"][name]))
    screen.console.print(table)
    if not report["equal"]:
        listed = screen.table("差异 difference", "事件 event", "行 line", "字段 fields")
        for one in client.json("GET", f"{REPORTS}/{report['report_id']}/differences?limit={_SHOWN_MAX}")["items"]:
            listed.add_row(one["kind"], one["id"], str(one["line"] or ""), ", ".join(one["fields"]))
        screen.console.print(listed)
    counts = ", ".join(f"{name} {count}" for name, count in report["differences"].items())
    screen.console.print("没有差异 no difference" if report["equal"] else f"有差异 differences: {counts}")
    raise typer.Exit(0 if report["equal"] else 1)


def describe_file(file: Path) -> dict[str, Any]:
    packed = file.suffix == ".gz"
    kind = _FORMATS.get(Path(file.stem).suffix if packed else file.suffix)
    if kind is None:
        raise CommandError(
            "文件名须以 .csv、.ndjson 或再加 .gz 结尾", "The name must end in .csv or .ndjson, .gz allowed"
        )
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(_READ_BYTES):
            digest.update(chunk)
    size = file.stat().st_size
    compression = "gzip" if packed else "identity"
    described = {"file_name": file.name, "format": kind, "compression": compression, "size_bytes": size}
    return {**described, "sha256": digest.hexdigest()}


def upload_and_wait(client: Client, file: Path, more: dict[str, Any]) -> dict[str, Any]:
    """Upload a file and return its import once it is done. Raises CommandError if it failed as a whole."""
    announced = {**describe_file(file), **{name: value for name, value in more.items() if value is not None}}
    state: dict[str, Any] = client.json("POST", IMPORTS, json.dumps(announced).encode())
    target = f"{IMPORTS}/{state['import_id']}"
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=screen.errors,
        transient=True,
    ) as progress:
        task = progress.add_task("上传 uploading", total=state["parts"]["expected"])
        size = state["parts"]["size_bytes"]
        if state["status"] == "uploading":
            with file.open("rb") as source:
                for number in range(state["parts"]["expected"]):
                    part = source.read(size)
                    client.json("PUT", f"{target}/parts/{number}", part, content_type="application/octet-stream")
                    progress.advance(task)
            state = client.json("POST", f"{target}/complete")
        progress.update(task, description="处理 processing", total=100, completed=0)
        while state["status"] not in {"done", "failed"}:
            time.sleep(_POLL_S)
            state = client.json("GET", target)
            progress.update(task, completed=state["progress"]["percent"])
    if state["status"] == "failed":
        failure = state["failure"] or {}
        raise CommandError(f"{failure.get('code', '')} {failure.get('message', '')}", f"The import {target} failed")
    return state
