"""Runs the integration guide as it is printed: its bash blocks, top to bottom, in one shell."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "integration" / "README.md"
TIMEOUT_S = 150


def commands() -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def follow(run_dir: Path, checkout: Path) -> subprocess.CompletedProcess[str]:
    """`checkout` becomes a folder that looks like the repository with `make run` in it: the guide says `.run`."""
    checkout.mkdir()
    for name in ("docs", "deploy", "services", "shared", ".venv"):
        (checkout / name).symlink_to(ROOT / name)
    (checkout / ".run").symlink_to(run_dir)
    script = "set -euo pipefail\n" + "\n".join(commands())
    return subprocess.run(
        ["bash"], input=script, cwd=checkout, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
