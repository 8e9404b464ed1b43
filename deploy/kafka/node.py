"""One real Apache Kafka broker on this machine, for the local stack and the tests.

    node = KafkaNode(Path(".run/kafka"), port=8192)
    node.start()
    print(node.bootstrap_servers)

Not for production: one node, one copy of everything, plain text on the loopback interface.
"""

import base64
import json
import signal
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from deploy.kafka.jars import LIBS_ROOT, SHOWN_CHARS, KafkaUnavailable, Say, java_program, no_progress, resolve_jars
from deploy.local.ports import free_port, require_free
from deploy.local.processes import command_line, end_processes, own_pids, pids_with_command
from deploy.local.progress import LOOK_EVERY_S, NoProgress, ProcessTable, Progress, wait_for_command

HERE = Path(__file__).parent
HOST = "127.0.0.1"
HEAP = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
PROBE_TIMEOUT_S = 5.0
BROKER, FORMAT_TOOL = "kafka.Kafka", "kafka.tools.StorageTool"
STOP_TIMEOUT_S = 20.0  # after that it is killed; the logs recover at the next start
POLL_S = 0.05


class KafkaNode:
    """A broker with all its files under `base_dir`. Data and ports survive a stop, a kill and a new process.

    port       None takes a free port at the first start and keeps it.
    overrides  settings of server.properties, by name.
    """

    def __init__(
        self,
        base_dir: Path,
        port: int | None = None,
        *,
        overrides: Mapping[str, str] | None = None,
        libs_root: Path = LIBS_ROOT,
    ) -> None:
        self.base_dir = base_dir.resolve()
        self._wanted_port = port
        self._overrides = dict(overrides or {})
        self._libs_root = libs_root
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: tuple[int, int] | None = None

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self, progress: Say | None = None) -> None:
        """Start and wait for an answer. No-op if it runs. A failed or interrupted start leaves no process.

        Raises KafkaUnavailable, StackError (busy port).
        """
        say = progress or no_progress
        if self.pid is not None:
            return
        java = str(java_program())
        class_path = f"{resolve_jars(self._libs_root, say)}/*"
        self.stop_earlier_run(say)
        for port in self._port_pair():
            require_free(port, "Kafka", "KAFKA_PORT", HOST)
        self._write_properties()
        if not (self._data / "meta.properties").exists():
            say("正在初始化 Kafka 数据目录 / Formatting Kafka's storage")
            self._format(java, class_path)
        say("正在启动 Apache Kafka / Starting Apache Kafka")
        try:
            self._spawn(java, class_path)
            self._wait_until_answering()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop in order; kill after STOP_TIMEOUT_S. No-op if stopped."""
        self._stop_process(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, for tests."""
        self._stop_process(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start with the same data and port."""
        self.stop()
        self.start()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Return the exit code, or None if the broker still runs after `timeout_s`."""
        if self._process is None:
            return None
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    # --- state -----------------------------------------------------------------------------------------------------

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients, `host:port`. Known before the start."""
        return f"{HOST}:{self._port_pair()[0]}"

    @property
    def pid(self) -> int | None:
        """Process id of the running broker, None when stopped."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def log_file(self) -> Path:
        """The broker's own log."""
        return self.base_dir / "logs" / "server.log"

    # --- steps of a start ------------------------------------------------------------------------------------------

    @property
    def _data(self) -> Path:
        return self.base_dir / "data"

    @property
    def _properties(self) -> Path:
        return self.base_dir / "server.properties"

    @property
    def _pid_file(self) -> Path:
        return self.base_dir / "kafka.pid"

    def _port_pair(self) -> tuple[int, int]:
        """Ports of broker and controller. Kept in a file: clients of an earlier run reconnect to the same address."""
        if self._ports is None:
            note = self.base_dir / "ports.json"
            kept = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
            self._ports = self._wanted_port or kept.get("broker") or free_port(), kept.get("controller") or free_port()
            self.base_dir.mkdir(parents=True, exist_ok=True)
            note.write_text(json.dumps({"broker": self._ports[0], "controller": self._ports[1]}), encoding="utf-8")
        return self._ports

    def _write_properties(self) -> None:
        broker, controller = self._port_pair()
        text = (HERE / "server.properties").read_text(encoding="utf-8")
        for name, value in {"port": broker, "controller_port": controller, "data_dir": self._data}.items():
            text = text.replace("{" + name + "}", str(value))
        text += "".join(f"{name}={value}\n" for name, value in self._overrides.items())
        self._properties.write_text(text, encoding="utf-8")

    def _command(self, java: str, class_path: str, *arguments: str) -> list[str]:
        logs = self.base_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        options = [f"-Dkafka.log.dir={logs}", f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"]
        return [java, *HEAP, *options, "-cp", class_path, *arguments]

    def _format(self, java: str, class_path: str) -> None:
        # The tool would read a leading dash as an option.
        cluster = "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        tool = (FORMAT_TOOL, "format", "-t", cluster, "-c", str(self._properties))
        command = self._command(java, class_path, *tool)
        output = self.base_dir / "logs" / "format.log"
        with output.open("wb") as sink:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)
        try:
            code = wait_for_command(process, Progress([output]))
        except NoProgress as error:
            raise KafkaUnavailable(f"Kafka 初始化数据目录{error.zh}。", f"Kafka's format tool {error.en}.") from error
        if code != 0:
            last = output.read_text(encoding="utf-8", errors="replace").strip()[-SHOWN_CHARS:]
            raise KafkaUnavailable(
                f"Kafka 无法初始化数据目录：\n{last}", "Kafka could not format its storage: see above."
            )

    def _spawn(self, java: str, class_path: str) -> None:
        command = self._command(java, class_path, BROKER, str(self._properties))
        with (self.base_dir / "logs" / "stdout.log").open("wb") as sink:
            # Own session: Ctrl-C in the terminal must reach only the supervisor, which stops the broker last.
            self._process = subprocess.Popen(
                command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._pid_file.write_text(str(self._process.pid), encoding="ascii")

    def _wait_until_answering(self) -> None:
        progress = Progress([self.log_file, self.base_dir / "logs" / "stdout.log"])
        port, looked = self._port_pair()[0], time.monotonic()
        while not _broker_answers(port):
            if self.pid is None:
                self._fail("Kafka 启动时退出", "Kafka ended while starting: see above.")
            if time.monotonic() - looked >= LOOK_EVERY_S:
                looked = time.monotonic()
                progress.look(ProcessTable().processor_s(self.pid))
                failure = progress.failure()
                if failure:
                    self._fail(f"Kafka {failure[0]}", f"Kafka {failure[1]}: see above.")
            time.sleep(POLL_S)

    def _fail(self, zh: str, en: str) -> None:
        log_text = ""
        for path in (self.base_dir / "logs" / "stdout.log", self.log_file):
            if path.exists():
                log_text += path.read_text(encoding="utf-8", errors="replace")[-SHOWN_CHARS:]
        raise KafkaUnavailable(f"{zh}，日志 {self.log_file}：\n{log_text.strip()}", en)

    # --- ends ------------------------------------------------------------------------------------------------------

    def _stop_process(self, how: signal.Signals) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_TIMEOUT_S)
        if process is not None:
            self._pid_file.unlink(missing_ok=True)
        self._process = None

    def stop_earlier_run(self, say: Say) -> None:
        """Stop the broker and the format tool of a killed launcher. They still hold the data directory and the port.

        The command line identifies them, because the pid in the file may belong to another program by now.
        """
        found = set()
        for program in (BROKER, FORMAT_TOOL):
            found |= set(pids_with_command("java", program, str(self._properties)))
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            pid = 0
        if pid and str(self._properties) in command_line(pid):
            found.add(pid)
        found -= own_pids()
        if found:
            say("正在结束上次遗留的 Kafka / Stopping the Kafka broker an earlier run left behind")
            end_processes(found, STOP_TIMEOUT_S)
        self._pid_file.unlink(missing_ok=True)


def _broker_answers(port: int) -> bool:
    """Whether the broker answers an ApiVersions request. A recovering broker opens its port before it can answer."""
    client = b"probe"
    request = struct.pack(">hhih", 18, 0, 1, len(client)) + client
    try:
        with socket.create_connection((HOST, port), timeout=PROBE_TIMEOUT_S) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(4)) > 0
    except OSError:
        return False
