"""The jars of the broker. Maven resolves them once, into a directory named after the hash of pom.xml."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import StackError

POM = Path(__file__).with_name("pom.xml")
LIBS_ROOT = Path(__file__).resolve().parents[2] / ".run" / "kafka" / "libs"
RESOLVE_TIMEOUT_S = 900  # 45 MB on a slow line; a few seconds where Maven already has them
SHOWN_CHARS = 800

Progress = Callable[[str], None]


class KafkaUnavailable(StackError):
    """This machine cannot run a broker. The message says what is missing, or quotes the broker, and what to do."""


def no_progress(_sentence: str) -> None:
    """Ignore a progress message."""


def resolve_jars(libs_root: Path = LIBS_ROOT, progress: Progress = no_progress) -> Path:
    """Return the directory with the broker's class path. The first call downloads it.

    Two processes may resolve at the same time. Each fills its own directory, and one rename wins.
    """
    libs = libs_root / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if libs.is_dir():
        return libs
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable(
            "还没有 Apache Kafka 的程序包，而 PATH 中没有 mvn。请安装 Maven。",
            "Apache Kafka's jars are not here yet and there is no mvn on PATH. Install Maven.",
        )
    progress(
        "正在用 Maven 下载 Apache Kafka （仅一次，约 45 MB） / Fetching Apache Kafka with Maven, once, about 45 MB"
    )
    libs_root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=libs_root, prefix=".new-") as scratch:
        fetched = Path(scratch) / "jars"
        _copy_dependencies(maven, fetched)
        try:
            fetched.rename(libs)
        except OSError:
            if not libs.is_dir():
                raise
    return libs


def _copy_dependencies(maven: str, target: Path) -> None:
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RESOLVE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaUnavailable(
            f"Maven 在 {RESOLVE_TIMEOUT_S} 秒内没有下载完 Kafka。",
            f"Maven did not fetch Kafka within {RESOLVE_TIMEOUT_S} s.",
        ) from error
    if done.returncode != 0 or not target.is_dir():
        last = (done.stdout + done.stderr).strip()[-SHOWN_CHARS:]
        raise KafkaUnavailable(f"Maven 无法下载 Kafka:\n{last}", "Maven could not fetch Kafka's jars: see above.")
