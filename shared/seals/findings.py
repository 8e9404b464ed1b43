"""Differences from seals, and the comparison of the stored digests with a copy outside the database."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from shared import clock
from shared.contracts.digests_v1 import DaySealed
from shared.language import Text
from shared.seals import digest_file
from shared.seals.signer import is_signature_valid


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference from a seal. `since` and `until` are the time range of the changed rows, if known."""

    day: date
    text: Text
    since: datetime | None = None
    until: datetime | None = None


def signature_fault(sealed: Any, previous: Any | None, keys: Collection[str]) -> Text | None:
    """A chain that is signed once stays signed. `keys` are the published ones, if the caller knows them."""
    if sealed.signature is None:
        expected = keys or (previous is not None and previous.signature is not None)
        return Text("缺少签名", "the signature is missing") if expected else None
    if not is_signature_valid(sealed.statement, public_key=sealed.public_key, signature=sealed.signature):
        return Text("签名无效", "the signature is invalid")
    if keys and sealed.public_key not in keys:
        return Text("不是公布的公钥的签名", "signed with a key that is not published")
    return None


async def compare_copy(path: Path, stored: Sequence[DaySealed]) -> list[Finding]:
    """Compare the copy in the file with the stored digests and their signatures.

    An unreadable file or line is a finding of today. A day that only the copy has means an older backup of the
    database, or a deleted seal.
    """
    today = clock.now().date()
    try:
        lines, damaged = await asyncio.to_thread(digest_file.read_lines, path)
    except OSError as exc:
        return [Finding(today, Text("摘要副本无法读取", f"the copy of the digests cannot be read: {exc}"))]
    findings = []
    if damaged:
        text = Text(f"摘要副本有 {damaged} 行无法读取", f"{damaged} line(s) of the copy of the digests cannot be read")
        findings.append(Finding(today, text))
    known = {(sealed.chain, sealed.day): _content(sealed) for sealed in stored}
    for line in lines:
        content = known.get((line.chain, line.day))
        if content is None:
            text = Text(
                "库外摘要副本有这一天，数据库没有：恢复了旧备份，或封存被删除",
                "the copy outside has this day and the database does not: an older backup, or a deleted seal",
            )
            findings.append(Finding(line.day, text))
        elif content != _content(line):
            text = Text("与库外摘要副本不同", "the digest differs from its copy outside the database")
            findings.append(Finding(line.day, text))
    return findings


def _content(sealed: DaySealed) -> tuple[str, str | None, str | None]:
    return sealed.statement, sealed.public_key, sealed.signature
