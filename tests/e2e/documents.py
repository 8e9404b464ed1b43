"""Runs the commands of a document as printed: its bash blocks, top to bottom, in one shell."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "integration" / "README.md"
METHODOLOGIES = ROOT / "docs" / "methodologies.md"
PROOFS = ROOT / "docs" / "proofs.md"
TIMEOUT_S = 150
_CHECKOUT = ("docs", "deploy", "services", "shared", ".venv", "Makefile", "requirements.lock")


def bash_blocks(document: Path) -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```$", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


class Checkout:
    """A folder like the repository while `make run` runs in it: the documents read `.run`."""

    def __init__(self, path: Path, run_dir: Path) -> None:
        path.mkdir()
        for name in _CHECKOUT:
            (path / name).symlink_to(ROOT / name)
        (path / ".run").symlink_to(run_dir)
        self._path = path
        self._environment = {**os.environ, "RUN_DIR": str(run_dir)}

    def run(
        self, blocks: list[str], *, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs the blocks in one bash that stops at the first error."""
        return subprocess.run(
            ["bash"],
            input="set -euo pipefail\n" + "\n".join(blocks),
            cwd=self._path,
            env={**self._environment, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
