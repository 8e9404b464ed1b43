"""The sample clients of partners, built from their lock files into `.cache/clients` when their tools are there."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SOURCES: Final = Path(__file__).resolve().parent
_BUILT: Final = _SOURCES.parent.parent / ".cache" / "clients"
# The first build downloads the packages.
_BUILD_TIMEOUT_S: Final = 600
_STAMP: Final = "built-from"


class BuildFailed(Exception):
    """The tools are there, but a step of the build failed. The message is its output."""


@dataclass(frozen=True, slots=True)
class SampleClient:
    """`steps` build the client in a folder, `start` is its command line there."""

    language: str
    tools: tuple[str, ...]
    steps: Callable[[Path, Path], Sequence[Sequence[str]]]
    start: Callable[[Path], list[str]]

    def missing_tools(self) -> list[str]:
        return [tool for tool in self.tools if shutil.which(tool) is None]

    def build(self) -> list[str]:
        """Build the client unless its sources are built already. Return its command line. Raises BuildFailed."""
        sources, built = _SOURCES / self.language, _BUILT / self.language
        digest = _digest_of(sources)
        stamp = built / _STAMP
        if not stamp.exists() or stamp.read_text() != digest:
            shutil.rmtree(built, ignore_errors=True)
            shutil.copytree(sources, built, ignore=shutil.ignore_patterns("node_modules", "target"))
            for step in self.steps(sources, built):
                _run(step, built)
            stamp.write_text(digest)
        return self.start(built)


def _javascript(_: Path, built: Path) -> list[list[str]]:
    return [["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(built)]]


def _go(_: Path, built: Path) -> list[list[str]]:
    return [["go", "build", "-o", str(built / "partner"), "."]]


def _java(_: Path, built: Path) -> list[list[str]]:
    target = built / "target"
    options = [f"-Dpartner.target={target}", f"-Dmdep.outputFile={target / 'classpath'}"]
    return [["mvn", "-q", "-B", *options, "compile", "dependency:build-classpath"]]


def _start_java(built: Path) -> list[str]:
    target = built / "target"
    classpath = (target / "classpath").read_text().strip()
    return ["java", "-cp", os.pathsep.join([str(target / "classes"), classpath]), "Partner"]


SAMPLES: Final = (
    SampleClient("javascript", ("node", "npm"), _javascript, lambda built: ["node", str(built / "partner.mjs")]),
    SampleClient("go", ("go",), _go, lambda built: [str(built / "partner")]),
    SampleClient("java", ("java", "mvn"), _java, _start_java),
)


def _digest_of(sources: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*")):
        if path.is_file() and not {"node_modules", "target"} & set(path.parts):
            digest.update(path.relative_to(sources).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _run(step: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        step, cwd=folder, capture_output=True, text=True, timeout=_BUILD_TIMEOUT_S, check=False
    )  # fmt: skip
    if done.returncode != 0:
        raise BuildFailed(f"{' '.join(step)}\n{done.stdout[-2_000:]}{done.stderr[-2_000:]}")
