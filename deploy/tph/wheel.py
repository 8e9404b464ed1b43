"""`python -m deploy.tph.wheel DIR`: writes tph as a wheel that partners install without this repository.

The wheel has one package, `tph`, with the modules of this one and those of `shared` that they import.
"""

import base64
import hashlib
import re
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN = Path(__file__).parent
SHARED = ("shared/__init__.py", "shared/auth/__init__.py", "shared/auth/cp1.py", "shared/auth/signers.py",
          "shared/auth/sm2.py")  # fmt: skip
REQUIRES = ("cryptography", "gmalg", "httpx", "rich", "standardwebhooks", "typer")
LEFT_OUT = {Path(__file__).name}
_IMPORT = re.compile(r"^(\s*(?:from|import) )(deploy\.tph|shared)\b", re.MULTILINE)
_MADE_AT = (2026, 1, 1, 0, 0, 0)  # the same sources make the same bytes


def build(directory: Path) -> Path:
    """Write the wheel into `directory` and return its path."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = project["version"]
    info = f"tph-{version}.dist-info"
    files = {name: text.encode() for name, text in _modules().items()}
    files[f"{info}/METADATA"] = _metadata(project).encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tph\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\ntph = tph.__main__:main\n"
    files[f"{info}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    directory.mkdir(parents=True, exist_ok=True)
    wheel = directory / f"tph-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _MADE_AT)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return wheel


def _modules() -> dict[str, str]:
    """Return the sources by their place in the wheel. Imports name the places in the wheel."""
    own = {f"tph/{path.name}": path for path in sorted(OWN.glob("*.py")) if path.name not in LEFT_OUT}
    shared = {f"tph/{name}": ROOT / name for name in SHARED}
    return {place: _moved(path.read_text(encoding="utf-8")) for place, path in {**own, **shared}.items()}


def _moved(source: str) -> str:
    places = {"deploy.tph": "tph", "shared": "tph.shared"}
    return _IMPORT.sub(lambda found: found.group(1) + places[found.group(2)], source)


def _metadata(project: dict[str, object]) -> str:
    """Return the metadata. Each dependency has the lower bound of the project."""
    dependencies = project["dependencies"]
    assert isinstance(dependencies, list)
    wanted = [one for one in dependencies if re.split(r"[\[<>=~! ]", one)[0] in REQUIRES]
    lines = ["Metadata-Version: 2.4", "Name: tph", f"Version: {project['version']}"]
    lines += ["Summary: Command line for partners of a carbon-inclusion programme"]
    lines += [f"Requires-Python: {project['requires-python']}", f"License-Expression: {project['license']}"]
    lines += ["License-File: LICENSE", *(f"Requires-Dist: {one}" for one in wanted)]
    lines += ["Description-Content-Type: text/markdown", "", (OWN / "README.md").read_text(encoding="utf-8")]
    return "\n".join(lines)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
