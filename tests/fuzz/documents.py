"""Hostile methodology documents: bombs, strange types, endless formulas, and seeded mutations of a good one."""

import random
import time
from collections.abc import Callable, Iterator

import httpx

from deploy.local.settings import ROOT
from tests.fuzz.callers import Callers
from tests.fuzz.findings import Findings

DRAFTS = "/api/v1/accounting/ops/methodologies"
FACTORS = "/api/v1/accounting/ops/factors"
GOOD = ROOT / "docs" / "tour" / "bus_by_distance"
ANSWER_S = 20.0
SLOW_S = 5.0  # a document of 64 KiB that takes longer could stop the service
BYTES_MAX = 60_000


def hostile_documents(good: str) -> Iterator[tuple[str, str]]:
    """Yield (name of the case, document)."""
    yield (
        "billion laughs",
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)),
    )
    yield "a cycle", "a: &a\n  b: *a\n"
    yield "merge keys", "a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n"
    yield "a Python object", "!!python/object/apply:os.system ['true']\n"
    yield "a Python name", "x: !!python/name:os.system\n"
    yield "binary", "x: !!binary AAAA////\n"
    yield "a set", "x: !!set {a, b}\n"
    yield "a timestamp", "x: 2026-99-99T99:99:99Z\n"
    yield "sexagesimal", "x: 190:20:30.15\n"
    yield "deep flow", "[" * 5000 + "]" * 5000
    yield "deep blocks", "".join(" " * n + "a:\n" for n in range(300))
    yield "many documents", "---\na: 1\n" * 50
    yield "NUL", "a: 'x\0y'\n"
    yield "a tab", "a:\n\tb: 1\n"
    yield "nothing", " "
    yield "a list", "- 1\n- 2\n"
    yield "a number of digits", f"version: {'9' * 4000}\n"
    yield "an exponent", "version: 1e999999999\n"
    yield "infinity", "version: .inf\n"
    yield "no number", "version: .nan\n"
    yield "duplicate keys", good + "\n" + good
    formulas = (
        "(" * 3000 + "1" + ")" * 3000,
        "-" * 3000 + "1",
        "9 ** 9 ** 9 ** 9",
        "9" * 3000,
        "1e999999999",
        "1 / 0",
        "1 / (1 - 1)",
        "distance_m / 0",
        "__import__('os').system('true')",
        "unknown_name + 1",
        "distance_m.__class__",
        "min()",
        "min(" + "1," * 2000 + "1)",
        "if(" * 500 + "1" + ")" * 500,
        "1 + " * 5000 + "1",
        "distance_m * " * 2000 + "1",
        "[x for x in range(10 ** 9)]",
        "lambda: 1",
        "'a' * 10 ** 9",
        "\u202e1",
        "1\n+\n1",
        "１ + １",
        "",
    )
    lines = good.splitlines()
    for number, line in enumerate(lines):
        if line.strip().startswith("formula"):
            indent = line[: len(line) - len(line.lstrip())]
            for formula in formulas:
                changed = [*lines[:number], f"{indent}formula: {formula!r}", *lines[number + 1 :]]
                yield f"formula {formula[:30]}", "\n".join(changed)


def mutated_documents(good: str, chance: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Yield documents with a deleted, doubled or indented line, a strange value or a changed character."""
    values = (
        "null",
        "-1",
        "0",
        "1e400",
        "99999999999999999999",
        "true",
        "[]",
        "{}",
        "''",
        "2026-02-30",
        "~",
        "*a",
        "&a",
    )
    for number in range(count):
        lines = good.splitlines()
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(lines))
            kind = chance.randrange(6)
            if kind == 0 and len(lines) > 1:
                del lines[at]
            elif kind == 1:
                lines.insert(at, lines[chance.randrange(len(lines))])
            elif kind == 2:
                lines[at] = " " * chance.randint(1, 4) + lines[at]
            elif kind == 3:
                lines[at] = lines[at].partition(":")[0] + ": " + chance.choice(values)
            elif lines[at]:
                place = chance.randrange(len(lines[at]))
                new = chr(
                    chance.choice((0x7F, 0x20, 0x27, 0x22, 0x5B, 0x7B, 0x3A, 0x2D, 0x85, 0x2028, 0xFFFD, 0x1F600))
                )
                lines[at] = lines[at][:place] + new + lines[at][place + 1 :]
        yield f"mutation {number}", "\n".join(lines)


def play(
    callers: Callers, findings: Findings, *, seed: int, count: int, until: float, progress: Callable[[str], None]
) -> None:
    """Send every document as a draft and as factors. Check each stored draft as well."""
    chance = random.Random(seed)
    good = (GOOD / "methodology.yaml").read_text(encoding="utf-8")
    factors = (GOOD / "factors.yaml").read_text(encoding="utf-8")
    headers = {"Authorization": f"Bearer {callers.ops_token}"}
    with httpx.Client(base_url=callers.url, headers=headers, timeout=ANSWER_S, trust_env=False) as client:
        offered = [(DRAFTS, case) for case in (*hostile_documents(good), *mutated_documents(good, chance, count))]
        offered += [
            (FACTORS, case) for case in (*hostile_documents(factors), *mutated_documents(factors, chance, count // 3))
        ]
        for path, (what, document) in offered:
            if time.monotonic() > until:
                return
            progress(f"{path.rpartition('/')[2]}: {what}")
            answer = _offer(client, findings, path, what, document)
            if answer is not None and answer.status_code == 201 and path == DRAFTS:
                draft = answer.json()["draft_id"]
                _offer(client, findings, f"{DRAFTS}/drafts/{draft}/check", what, None)


def _offer(
    client: httpx.Client, findings: Findings, path: str, what: str, document: str | None
) -> httpx.Response | None:
    body = {"yaml": document[:BYTES_MAX], "reason": "坏输入 bad input"} if document is not None else None
    started = time.monotonic()
    try:
        answer = client.post(path, json=body)
    except httpx.TransportError as error:
        findings.cases["documents"] += 1
        findings.fail(f"documents: {path}: {what}: no answer: {error!r}")
        return None
    took_s = time.monotonic() - started
    findings.check_answer("documents", f"{path}: {what}", answer.status_code, dict(answer.headers), answer.content)
    if took_s > SLOW_S:
        findings.fail(f"documents: {path}: {what}: took {took_s:.1f} s")
    return answer
