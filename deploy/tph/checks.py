"""The commands that test a partner's own code: `conformance` and `debug`."""

import base64
import json
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.text import Text

from deploy.tph import conformance as kit
from deploy.tph import cp1_cases, screen, webhook_cases
from deploy.tph.commands import app, client_of, identity_of
from deploy.tph.conformance import Case, Finding, Kind
from deploy.tph.errors import CommandError


@app.command()
def conformance(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="贵方验签服务的地址 Address of your verifier")],
    kind: Annotated[str, typer.Option(help="webhook: 回执接收 receiver; cp1: CP1 验签 verifier")] = "webhook",
    webhook_secret: Annotated[
        str,
        typer.Option(
            envvar="TPH_WEBHOOK_SECRET", help="whsec_…，用于 webhook；请放在环境变量里 set it in the environment"
        ),
    ] = "",
) -> None:
    """把正确与各种错误的签名发给贵方，指出哪一项检查缺失 Sends valid and wrong signatures; exit code 0 if all pass."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise CommandError("请给出 http(s) 地址", "An http or https address is needed")
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        findings = kit.check(url, _cases(context, kind, target, webhook_secret))
    except kit.Unreachable as exc:
        raise CommandError(f"无法连接 {url}", f"No answer from there: {exc}") from exc
    _print_findings(findings)
    raise typer.Exit(0 if all(finding.passed for finding in findings) else 1)


def _cases(context: typer.Context, kind: str, target: str, webhook_secret: str) -> list[Case]:
    wanted: Kind | None = "webhook" if kind == "webhook" else "cp1" if kind == "cp1" else None
    if wanted is None:
        raise CommandError("--kind 须为 webhook 或 cp1", "--kind is webhook or cp1")
    if wanted == "cp1":
        return cp1_cases.cases(identity_of(context), target, int(time.time()))
    if not webhook_secret:
        raise CommandError("请设置 TPH_WEBHOOK_SECRET", "Set TPH_WEBHOOK_SECRET to the secret of the receiver")
    return webhook_cases.cases(target, webhook_secret, datetime.now(UTC))


def _print_findings(findings: list[Finding]) -> None:
    table = screen.table("", "项目 case", "应当 must", "实际 got", "说明 what it means")
    for finding in findings:
        case = finding.case
        got = f"{finding.status or '无应答 no answer'} {finding.note}".strip()
        table.add_row(
            Text("✓" if finding.passed else "✗", style="green" if finding.passed else "bold red"),
            f"{case.code}\n{case.title_zh} {case.title_en}",
            "2xx" if case.accept else "4xx",
            got,
            "" if finding.passed else f"{case.zh}。\n{case.en}.",
        )
    screen.console.print(table)
    failed = sum(not finding.passed for finding in findings)
    screen.console.print(f"共 {len(findings)} 项 cases，未通过 failed {failed}")


def debug_request(method: str, path: str, authorization: str, body: bytes, string_to_sign: str) -> dict[str, Any]:
    """The request to the platform's signature debugger. Newlines in `string_to_sign` are written as \\n."""
    request = {
        "method": method,
        "target": path,
        "authorization": authorization,
        "body_base64": base64.b64encode(body).decode(),
    }
    return {**request, "string_to_sign": string_to_sign.replace("\\n", "\n")} if string_to_sign else request


@app.command()
def debug(
    context: typer.Context,
    authorization: Annotated[str, typer.Option(help="贵方算出的签名头 The header that your code made")],
    method: Annotated[str, typer.Option(help="HTTP 方法 method")] = "POST",
    path: Annotated[str, typer.Option(help="路径与查询串 path and query")] = "/api/v1/ingest/events",
    string_to_sign: Annotated[str, typer.Option(help="贵方的待签名串 The string your code signed; \\n: newline")] = "",
) -> None:
    """把贵方的签名交平台比对，指出第一处不同（沙箱密钥） Where your signature first differs (sandbox keys)."""
    request = debug_request(method, path, authorization, sys.stdin.buffer.read(), string_to_sign)
    answer = client_of(context).json("POST", "/api/v1/ingest/signature-debug", json.dumps(request).encode())
    screen.console.print_json(data=answer, ensure_ascii=False)
