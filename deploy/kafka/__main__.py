"""`python -m deploy.kafka run`: a broker in the foreground, for a supervisor or a terminal."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from deploy.kafka.jars import KafkaUnavailable
from deploy.kafka.node import KafkaNode
from deploy.local.errors import CANNOT_START, StackError

DEFAULT_PORT = 8192
CHECK_EVERY_S = 0.5

app = typer.Typer(add_completion=False, no_args_is_help=True, help="A real Apache Kafka broker on this machine.")


@app.callback()
def _commands() -> None:
    """Run a real Apache Kafka broker on this machine."""


@app.command()
def run(
    directory: Annotated[Path, typer.Option("--dir", help="Where data, logs and ports are kept.")] = Path(".run/kafka"),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = DEFAULT_PORT,
) -> None:
    """Run until SIGTERM or Ctrl-C. Exits with 1 when the broker dies, with 78 when another try would not help."""
    starting, stopping = True, False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal starting, stopping
        stopping = True
        if starting:
            starting = False  # a second signal must not interrupt the cleaning up
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    node = KafkaNode(directory, port)
    try:
        node.start(lambda sentence: print(sentence, flush=True))
        starting = False
    except KeyboardInterrupt:
        node.kill()
        node.stop_earlier_run(lambda sentence: print(sentence, flush=True))
        print("Kafka was stopped while it started.", flush=True)
        return
    except StackError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(CANNOT_START if isinstance(error, KafkaUnavailable) else 1) from error
    print(f"Kafka answers on {node.bootstrap_servers} (log: {node.log_file})", flush=True)
    while not stopping:
        code = node.wait(CHECK_EVERY_S)
        if code is not None and not stopping:
            print(f"Kafka ended on its own with code {code}; see {node.log_file}", file=sys.stderr)
            raise typer.Exit(1)
    node.stop()
    print("Kafka stopped.", flush=True)


if __name__ == "__main__":
    app()
