"""The Node side of the TypeScript client: its pinned tools, its generated types, the linters of the documents."""

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.clients.api import documents

SOURCES: Final = Path(__file__).resolve().parent
TYPES: Final = SOURCES / "src" / "types"
RECORDED: Final = SOURCES / "documents.sha256"
_ROOT: Final = SOURCES.parents[2]
_BUILT: Final = _ROOT / ".cache" / "clients" / "api"
_DOCUMENTS: Final = _ROOT / ".cache" / "openapi"
_PINNED: Final = ("package.json", "package-lock.json")
_STAMP: Final = "installed-from"
# The first installation downloads the packages.
_TIMEOUT_S: Final = 600


class ToolFailed(Exception):
    """A tool ended with an error. The message is its output."""


def missing_tools() -> list[str]:
    return [tool for tool in ("node", "npm") if shutil.which(tool) is None]


def _run(*command: str, folder: Path = _BUILT) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise ToolFailed(f"{' '.join(command)}\n{done.stdout[-6_000:]}{done.stderr[-2_000:]}")
    return done.stdout


def _installed(tool: str) -> str:
    """The path of a tool of the lock file, which is installed when it changed. Raises ToolFailed."""
    pinned = b"".join((SOURCES / name).read_bytes() for name in _PINNED)
    digest, stamp = hashlib.sha256(pinned).hexdigest(), _BUILT / _STAMP
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(_BUILT, ignore_errors=True)
        _BUILT.mkdir(parents=True)
        for name in _PINNED:
            shutil.copy(SOURCES / name, _BUILT / name)
        _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        stamp.write_text(digest)
    return str(_BUILT / "node_modules" / ".bin" / tool)


def write_types(folder: Path = TYPES) -> str:
    """Generate the types of all four documents. Return the hash of the documents. Raises ToolFailed."""
    generator = _installed("openapi-typescript")
    digest = documents.write(_DOCUMENTS)
    folder.mkdir(parents=True, exist_ok=True)
    for document in sorted(_DOCUMENTS.glob("*.json")):
        _run(generator, str(document), "--alphabetize", "--output", str(folder / f"{document.stem}.ts"))
    return digest


def lint() -> None:
    """Lint all four documents with Redocly and Spectral. Raises ToolFailed with what they found."""
    redocly, spectral = _installed("redocly"), _installed("spectral")
    documents.write(_DOCUMENTS)
    found = [str(document) for document in sorted(_DOCUMENTS.glob("*.json"))]
    _run(redocly, "lint", "--config", str(SOURCES / "redocly.yaml"), "--max-problems=50", *found)
    _run(spectral, "lint", "--ruleset", str(SOURCES / "spectral.yaml"), "--fail-severity=warn", *found)


def compile_client() -> Sequence[str]:
    """Compile the client. Return the command that plays a day. Raises ToolFailed with the compiler's errors."""
    compiler = _installed("tsc")
    for name in ("src", "dist"):
        shutil.rmtree(_BUILT / name, ignore_errors=True)
    shutil.copytree(SOURCES / "src", _BUILT / "src")
    shutil.copy(SOURCES / "tsconfig.json", _BUILT / "tsconfig.json")
    _run(compiler, "--project", str(_BUILT))
    return ("node", str(_BUILT / "dist" / "day.js"))
