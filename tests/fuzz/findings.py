"""The rules for every answer, and the failures."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

FAILURES_KEPT = 200
SHOWN_CHARS = 400


@dataclass
class Findings:
    """Number of cases by family, and the failures."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    failed: int = 0

    def fail(self, what: str) -> None:
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(what)

    def check_answer(self, family: str, what: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Count an answer and record a failure. `headers`: names in lower case."""
        self.cases[family] += 1
        self.statuses[str(status)] += 1
        media_type = headers.get("content-type", "")
        wrong = ""
        if status >= 500 and (status != 503 or "retry-after" not in headers):
            wrong = "a server error other than a 503 with Retry-After"
        elif status >= 400 and not media_type.startswith("application/problem+json"):
            wrong = f"an error that is no problem document but {media_type!r}"
        if wrong:
            self.fail(f"{family}: {what}: {status} {wrong}: {body.decode(errors='replace')[:SHOWN_CHARS]}")
