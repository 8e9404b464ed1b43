"""The jars of the broker. Maven resolves them once, into a directory named after the hash of pom.xml."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.progress import NoProgress, Progress, wait_for_command

POM = Path(__file__).with_name("pom.xml")
LIBS_ROOT = Path(__file__).resolve().parents[2] / ".run" / "kafka" / "libs"
FETCH_SILENT_MAX_S = 300.0  # one jar on a slow line; all take a few seconds where Maven already has them
SHOWN_CHARS = 800
JAVA_MAJOR = 17

Say = Callable[[str], None]


class KafkaUnavailable(StackError):
    """This machine cannot run a broker. The message says what is missing, or quotes the broker, and what to do."""


def no_progress(_sentence: str) -> None:
    """Ignore a progress message."""


def resolve_jars(libs_root: Path = LIBS_ROOT, say: Say = no_progress) -> Path:
    """Return the directory with the broker's class path. The first call downloads it.

    Two processes may resolve at the same time. Each fills its own directory, and one rename wins.
    """
    libs = jars_directory(libs_root)
    if libs.is_dir():
        return libs
    maven = maven_program()
    say("正在用 Maven 下载 Apache Kafka （仅一次，约 45 MB） / Fetching Apache Kafka with Maven, once, about 45 MB")
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
    output = target.with_name("maven.log")
    with output.open("wb") as sink:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)
    try:
        code = wait_for_command(process, Progress([output], FETCH_SILENT_MAX_S))
    except NoProgress as error:
        raise KafkaUnavailable(f"Maven 下载 Kafka {error.zh}。", f"Maven, which fetches Kafka, {error.en}.") from error
    if code != 0 or not target.is_dir():
        last = output.read_text(encoding="utf-8", errors="replace").strip()[-SHOWN_CHARS:]
        raise KafkaUnavailable(f"Maven 无法下载 Kafka:\n{last}", "Maven could not fetch Kafka's jars: see above.")


def java_program() -> Path:
    """Return `java`: that of JAVA_HOME, or the first on PATH. Raises KafkaUnavailable naming the variable."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if found is None:
        zh, en = f"JAVA_HOME={home} 中没有 bin/java", f"JAVA_HOME={home} has no bin/java"
        if not home:
            zh, en = "PATH 中没有 java，也没有设置 JAVA_HOME", "there is no java on PATH and no JAVA_HOME"
        raise KafkaUnavailable(
            f"Apache Kafka（LOG=kafka）需要 Java {JAVA_MAJOR} 或更高版本，而 {zh}。请安装 JRE。",
            f"Apache Kafka (LOG=kafka) needs Java {JAVA_MAJOR} or later, and {en}. Install a JRE.",
        )
    return Path(found)


def require_java_and_jars(libs_root: Path | None = None) -> None:
    """Raise KafkaUnavailable if a broker cannot start here: no Java, an old one, or no jars and no Maven."""
    java = java_program()
    shown = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', shown.stdout + shown.stderr)
    if shown.returncode != 0 or version is None or int(version.group(1)) < JAVA_MAJOR:
        what = (shown.stdout + shown.stderr).strip()[:SHOWN_CHARS]
        raise KafkaUnavailable(
            f"LOG=kafka 需要 Java {JAVA_MAJOR} 或更高版本。请让 JAVA_HOME 指向它。{java} -version 的输出：\n{what}",
            f"LOG=kafka needs Java {JAVA_MAJOR} or later: point JAVA_HOME at it. {java} -version is shown above.",
        )
    if not jars_directory(libs_root or LIBS_ROOT).is_dir():
        maven_program()


def maven_program() -> str:
    """Return `mvn`. Raises KafkaUnavailable if PATH has none."""
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable(
            "还没有 Apache Kafka 的程序包，而 PATH 中没有 mvn。请安装 Maven。",
            "Apache Kafka's jars are not here yet and there is no mvn on PATH. Install Maven.",
        )
    return maven


def jars_directory(libs_root: Path) -> Path:
    """Return the directory of the jars, named after the hash of pom.xml."""
    return libs_root / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
