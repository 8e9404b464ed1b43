"""Differences from seals, and the comparison of the stored digests with a copy outside the database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec

from shared import clock
from shared.contracts.digests_v1 import DaySealed
from shared.language import Text
from shared.seals import digest_file


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference from a seal. `since` and `until` are the time range of the changed rows, if known."""

    day: date
    text: Text
    since: datetime | None = None
    until: datetime | None = None


async def compare_copy(path: Path, stored: Sequence[DaySealed]) -> list[Finding]:
    """Compare the copy in the file with the stored digests. An unreadable file is a finding of today.

    A day that only the copy has means an older backup of the database, or a deleted seal.
    """
    try:
        lines = await asyncio.to_thread(digest_file.read_lines, path)
    except (OSError, msgspec.MsgspecError) as exc:
        text = Text("摘要副本无法读取", f"the copy of the digests cannot be read: {exc}")
        return [Finding(clock.now().date(), text)]
    known = {(sealed.chain, sealed.day): sealed.statement for sealed in stored}
    findings = []
    for line in lines:
        statement = known.get((line.chain, line.day))
        if statement is None:
            text = Text(
                "库外摘要副本有这一天，数据库没有：恢复了旧备份，或封存被删除",
                "the copy outside has this day and the database does not: an older backup, or a deleted seal",
            )
            findings.append(Finding(line.day, text))
        elif statement != line.statement:
            text = Text("与库外摘要副本不同", "the digest differs from its copy outside the database")
            findings.append(Finding(line.day, text))
    return findings
