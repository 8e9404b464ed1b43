"""The archive: a zip with a JSON file for each service and a page in Chinese, without external assets. Pure."""

import html
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
# The page shows the newest rows of a table; the JSON files have all of them.
PAGE_ROWS_MAX: Final = 500
SERVICES: Final = {"accounts": "账户", "ingest": "数据接入", "accounting": "核算与账本", "rewards": "激励与兑换"}
_INTRODUCTION: Final = (
    "这里是四个服务保存的关于您的全部信息，不含密钥、散列和密文。同一份内容另有供程序读取的 JSON 文件。"
)
_HEAD: Final = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>我的个人信息</title><style>
body{font-family:system-ui,"PingFang SC","Microsoft YaHei",sans-serif;margin:1rem auto;max-width:64rem;padding:0 1rem;
line-height:1.6;color:#222}h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem}
table{border-collapse:collapse;font-size:.85rem}th,td{border:1px solid #ccc;padding:.2rem .5rem;text-align:left;
vertical-align:top;word-break:break-word;max-width:20rem}div{overflow-x:auto}</style></head><body>
"""


def build_archive(services: Mapping[str, Tables], titles: Mapping[str, Mapping[str, str]], *, at: datetime) -> bytes:
    """Return the zip. `titles` are the Chinese titles of the tables, by service and table."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("我的个人信息.html", build_page(services, titles, at=at))
        for service, tables in services.items():
            content = json.dumps(tables, ensure_ascii=False, indent=1, sort_keys=True)
            archive.writestr(f"{service}.json", content)
    return buffer.getvalue()


def build_page(services: Mapping[str, Tables], titles: Mapping[str, Mapping[str, str]], *, at: datetime) -> str:
    """Return the readable page."""
    parts = [
        _HEAD,
        "<h1>我的个人信息</h1>",
        f"<p>生成时间：{at:%Y年%m月%d日 %H:%M}。{_INTRODUCTION}</p>",
    ]
    for service, tables in services.items():
        parts.append(f"<h2>{html.escape(SERVICES.get(service, service))}</h2>")
        if not any(tables.values()):
            parts.append("<p>没有关于您的记录。</p>")
        for table, rows in sorted(tables.items()):
            if rows:
                title = titles.get(service, {}).get(table, table)
                parts.append(_section(f"{title}（{len(rows)} 条）", rows))
    return "\n".join([*parts, "</body></html>"])


def _section(title: str, rows: Sequence[Row]) -> str:
    shown = rows[-PAGE_ROWS_MAX:]
    columns = list(dict.fromkeys(column for row in shown for column in row))
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{html.escape(_cell(row.get(column)))}</td>' for column in columns)}</tr>" for row in shown
    )
    note = f"<p>只列出最近 {len(shown)} 条，全部内容见 JSON 文件。</p>" if len(shown) < len(rows) else ""
    return f"<h3>{html.escape(title)}</h3>{note}<div><table><tr>{head}</tr>\n{body}</table></div>"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
