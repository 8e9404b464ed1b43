"""A run of bad input: its own stack, every family, memory samples, one report."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.database import DATABASE, with_database
from deploy.local.partners import PARTNER_ENVIRONMENTS
from deploy.local.plan import Plan
from deploy.local.postgres import PostgresServer
from deploy.local.secrets_file import Secrets
from deploy.local.settings import LocalSettings
from deploy.local.state import RunDirectory
from tests.e2e.stack import LocalStack
from tests.fuzz import cursors, documents
from tests.fuzz.callers import Callers
from tests.fuzz.findings import Findings
from tests.fuzz.generated import GeneratedRequests
from tests.fuzz.media_types import MediaTypes
from tests.fuzz.memory import GROWTH_MAX_MIB, Memory
from tests.fuzz.queries import WholeQueries
from tests.fuzz.raw import HandList
from tests.fuzz.records import HostileRecords

# High limits, because one address sends everything. tests/deploy tests the limits.
ENVIRONMENT = {
    "GATEWAY_ADDRESS_PER_S": "20000",
    "GATEWAY_ADDRESS_BURST": "40000",
    "GATEWAY_SUBJECT_PER_S": "2000",
    "GATEWAY_SUBJECT_BURST": "4000",
}
Say = Callable[[str, str], None]  # (family, current case)


@dataclass(frozen=True)
class Size:
    """Size of each family. `minutes` limits the run; the report names the operations left out."""

    minutes: float = 8.0
    cases: int = 25
    share: float = 1.0
    mutated_documents: int = 400
    records: int = 120


@dataclass
class Outcome:
    seed: int
    findings: Findings
    operations: int = 0
    raw_routes: int = 0
    left_out: list[str] = field(default_factory=list)
    growth_mib: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)
    figures: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.findings.failed

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "seed": self.seed,
            "minutes": round(self.seconds / 60, 1),
            "cases": sum(self.findings.cases.values()),
            "cases_by_family": dict(self.findings.cases),
            "failures": self.findings.failed,
            "operations": self.operations,
            "json_routes": self.raw_routes,
            "left_out": self.left_out,
            "statuses": dict(sorted(self.findings.statuses.items())),
            **self.figures,
            "memory_growth_mib": {name: round(mib, 1) for name, mib in self.growth_mib.items()},
            "memory_growth_bound_mib": GROWTH_MAX_MIB,
            "memory_peak_mib": {name: round(mib, 1) for name, mib in self.peak_mib.items()},
            "examples": self.findings.failures,
        }


class Target:
    """The stack of this run."""

    def __init__(self, run_dir: Path, *, port_offset: int) -> None:
        self.local = LocalStack(run_dir, port_offset=port_offset, log="embedded", environment=ENVIRONMENT)
        self.directory = RunDirectory(run_dir)
        self._settings = LocalSettings(run_dir=run_dir, port_offset=port_offset, log="embedded")

    def pids(self) -> dict[str, int]:
        state = self.directory.read()
        found = state.processes if state else {}
        return {name: p.pid for name, p in found.items() if p.pid is not None and name not in {"postgres", "wechat"}}

    def addresses(self) -> tuple[str, str]:
        """Return the URLs (database as superuser, event log)."""
        secrets = Secrets(self.directory.secrets, PARTNER_ENVIRONMENTS)
        server = PostgresServer(
            self.directory.postgres, port=self._settings.port("postgres"), password=secrets["postgres_password"]
        )
        plan = Plan(self._settings, secrets, self.directory, server.admin_dsn())
        return with_database(server.admin_dsn(), DATABASE), plan.event_log_url()


def run_families(target: Target, size: Size, seed: int, say: Say) -> Outcome:
    """Run all families against a running stack."""
    started = time.monotonic()
    outcome = Outcome(seed, Findings())
    findings = outcome.findings
    callers = Callers(target.directory.credentials)
    memory = Memory(target.pids)
    memory.start()

    def until(share: float) -> float:
        return started + 60 * size.minutes * share

    try:
        openapi_documents: Any = callers.documents()
        admin_dsn, log_url = target.addresses()
        raw = HandList(callers, findings, seed=seed, until=until(0.1))
        warming = min(0.1, size.share)
        asyncio.run(raw.play(openapi_documents, lambda what: say("热身 warm-up", what), warming))
        memory.warm()
        hostile_records = HostileRecords(
            callers, findings, admin_dsn=admin_dsn, log_url=log_url, restarts=target.local.restarts
        )
        outcome.figures |= asyncio.run(
            hostile_records.play(
                seed=seed, count=size.records, until=until(0.25), progress=lambda what: say("主题 records", what)
            )
        )
        documents.play(
            callers,
            findings,
            seed=seed,
            count=size.mutated_documents,
            until=until(0.4),
            progress=lambda what: say("文档 documents", what),
        )
        raw = HandList(callers, findings, seed=seed + 1, until=until(0.6))
        outcome.raw_routes = asyncio.run(
            raw.play(openapi_documents, lambda what: say("手工 hand list", what), size.share)
        )
        outcome.figures |= _play_whole_requests(callers, findings, openapi_documents, size, seed, until, say)
        generated = GeneratedRequests(callers, findings, seed=seed, cases=size.cases, until=until(1.0))
        generated.play(lambda what: say("OpenAPI", what))
        outcome.operations, outcome.left_out = generated.operations, generated.left_out
    finally:
        callers.close()
        outcome.growth_mib = memory.stop()
        outcome.peak_mib = memory.peak_mib
    for name, grown in outcome.growth_mib.items():
        if grown > GROWTH_MAX_MIB:
            findings.fail(f"memory: {name} grew by {grown:.0f} MiB, more than {GROWTH_MAX_MIB}")
    if target.local.restarts():
        findings.fail(f"{target.local.restarts()} processes died")
    outcome.seconds = time.monotonic() - started
    return outcome


def _play_whole_requests(
    callers: Callers,
    findings: Findings,
    openapi_documents: Any,
    size: Size,
    seed: int,
    until: Callable[[float], float],
    say: Say,
) -> dict[str, int]:
    """Queries, media types and cursors of every route. Returns the number of routes of each family."""
    whole = WholeQueries(callers, findings, seed=seed, share=size.share, until=until(0.7))
    gets = asyncio.run(whole.play(openapi_documents, lambda what: say("查询 queries", what)))
    types = MediaTypes(callers, findings, until=until(0.75))
    posts = asyncio.run(types.play(openapi_documents, lambda what: say("媒体类型 media types", what)))
    lists = cursors.Lists(openapi_documents, share=size.share, until=until(0.78))
    found = lists.play(callers, findings, seed, lambda what: say("游标 cursors", what))
    return {"get_routes": gets, "media_type_routes": posts, "list_routes": found}


def write_report(outcome: Outcome, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(outcome.as_json(), ensure_ascii=False, indent=2), encoding="utf-8")
