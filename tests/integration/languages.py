"""Runs the guide's examples by their known answers.

`python -m tests.integration.languages` also writes down which content of the Go example they were run on: compiling it
takes minutes where nothing is cached, too long for every run of the tests.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import standardwebhooks

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "integration" / "examples"
CHECKED = Path(__file__).with_name("checked.json")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "push.py": (sys.executable, "push.py"),
    "push.sh": ("sh", "push.sh"),
    "Push.java": ("java", "-XX:TieredStopAtLevel=1", "Push.java"),
    "push.go": ("go", "run", "push.go"),
}
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_" + base64.b64encode(b"somebody else's secret, not ours").decode()
ENVIRONMENT = {
    "TPH_APP_KEY": "ak_test",
    "TPH_SECRET": "cpsk_test_0123456789abcdef",
    "TPH_WEBHOOK_SECRET": WEBHOOK_SECRET,
}
KNOWN_TARGET = "/api/v1/partner/events:batch?dry_run=false"
KNOWN = ("sign", "POST", KNOWN_TARGET, "1700000000", "593BEC0C930BF1AFEB40B4A08C8FB242")
KNOWN_BODY = b'[{"specversion":"1.0","id":"1"}]'
KNOWN_HEADER = (
    'CP1-HMAC-SHA256 app_key="ak_test",timestamp="1700000000",nonce="593BEC0C930BF1AFEB40B4A08C8FB242"'
    ',signature="EaIn/eOp/K64ZRvrqenzRIcKz2F+2QnCFXZty1YOQEg="'
)
# Ends with newlines on purpose: a shell loses them when a body passes through a variable.
RECEIPT = '{"type":"cn.carboninclusion.results.v1","data":[{"id":"武汉-1"}]}\n\n'.encode()


def run(example: str, *arguments: str, body: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMANDS[example], *arguments],
        cwd=EXAMPLES,
        env={**os.environ, **ENVIRONMENT},
        input=body,
        capture_output=True,
        timeout=600,
        check=False,
    )


def receipt_headers(age_s: int = 0) -> tuple[str, str, str]:
    """id, timestamp and the signatures of a rotation, made by the specification's own package."""
    at = int(time.time()) - age_s
    instant = datetime.fromtimestamp(at, UTC)
    signatures = [
        standardwebhooks.Webhook(secret).sign("msg_1", instant, RECEIPT.decode())
        for secret in (OTHER_SECRET, WEBHOOK_SECRET)
    ]
    return "msg_1", str(at), " ".join(signatures)


def problems(example: str, *, thorough: bool = True) -> list[str]:
    """What an example gets wrong; the thorough run asks it five things, the other two."""
    found = []
    signed = run(example, *KNOWN, body=KNOWN_BODY)
    if signed.stdout.decode().strip() != KNOWN_HEADER:
        found.append(f"sign: {signed.stdout!r} {signed.stderr[-500:]!r}")
    webhook_id, at, both = receipt_headers()
    questions = [("valid", (webhook_id, at, both), RECEIPT)]
    if thorough:
        questions += [
            ("invalid", (webhook_id, at, both), RECEIPT[:-1]),
            ("invalid", (webhook_id, at, both.split(" ")[0]), RECEIPT),
            ("invalid", receipt_headers(age_s=600), RECEIPT),
        ]
    for expected, headers, body in questions:
        answer = run(example, "verify", *headers, body=body)
        if answer.stdout.decode().strip() != expected or answer.returncode != (expected == "invalid"):
            found.append(f"verify {expected}: {answer.stdout!r} {answer.returncode} {answer.stderr[-500:]!r}")
    return found


def digest(example: str) -> str:
    return hashlib.sha256((EXAMPLES / example).read_bytes()).hexdigest()


def main() -> int:
    failures = {example: problems(example) for example in COMMANDS}
    for example, found in failures.items():
        print(example, found or "ok")
    if any(failures.values()):
        return 1
    CHECKED.write_text(json.dumps({"push.go": digest("push.go")}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
