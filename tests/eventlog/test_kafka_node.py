"""The broker that the launcher starts: in the foreground, orphaned, on a machine without Java or Maven."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.kafka.jars import LIBS_ROOT, KafkaUnavailable, resolve_jars
from deploy.kafka.node import KafkaNode
from deploy.local.ports import free_port
from deploy.local.processes import start_mark
from shared.eventlog import open_event_log
from tests.eventlog.conftest import numbered, read_all

ROOT = Path(__file__).resolve().parents[2]


def _run_in_foreground(directory: Path, port: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "deploy.kafka", "run", "--dir", str(directory), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if f"127.0.0.1:{port}" in line:
            return process
    raise AssertionError("".join(said))


@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_node")  # has decided already what happens without Java
async def test_a_foreground_run_ends_with_its_broker_and_replaces_an_orphan(tmp_path: Path, topic: str) -> None:
    port = free_port()
    log = open_event_log(f"kafka://127.0.0.1:{port}", client_id="node")
    with _run_in_foreground(tmp_path, port) as process:
        broker = int((tmp_path / "kafka.pid").read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert start_mark(broker) is None
    with _run_in_foreground(tmp_path, port) as process:
        await log.ensure_topic(topic, partitions=2)
        await log.publish(topic, numbered(20))
        orphan = int((tmp_path / "kafka.pid").read_text())
        process.kill()
    assert start_mark(orphan) is not None
    said: list[str] = []
    node = KafkaNode(tmp_path, port)
    node.start(said.append)
    try:
        assert start_mark(orphan) is None
        assert node.pid not in {None, orphan}
        assert any("earlier run" in sentence for sentence in said)
        assert len(await read_all(log, topic, 2)) == 20
    finally:
        await log.stop()
        node.stop()


def test_a_stale_pid_file_does_not_stop_another_program(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (tmp_path / "kafka.pid").write_text(str(bystander.pid))
        KafkaNode(tmp_path).stop_earlier_run(print)
        assert bystander.poll() is None
        assert not (tmp_path / "kafka.pid").exists()
        bystander.kill()


def test_a_kafka_node_keeps_its_ports(tmp_path: Path) -> None:
    first = KafkaNode(tmp_path).bootstrap_servers
    assert KafkaNode(tmp_path).bootstrap_servers == first
    assert KafkaNode(tmp_path, 12345).bootstrap_servers == "127.0.0.1:12345"


def test_a_missing_java_or_maven_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(KafkaUnavailable, match="no java on PATH"):
        KafkaNode(tmp_path / "node").start()
    with pytest.raises(KafkaUnavailable, match="no mvn on PATH"):
        resolve_jars(tmp_path / "libs")


def test_the_output_of_a_failed_maven_run_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho could not resolve the artifact\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(KafkaUnavailable, match="could not resolve the artifact"):
        resolve_jars(tmp_path / "libs")
    assert list((tmp_path / "libs").iterdir()) == []
    assert tmp_path not in LIBS_ROOT.parents
