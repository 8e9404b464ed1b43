"""The accounting worker, whose event loop stands still for CHAOS_BLOCK_S after a SIGUSR1."""

import os
import signal
import time
from types import FrameType

from services.accounting.worker import build
from shared.worker import Worker, run


def _block(_number: int, _frame: FrameType | None) -> None:
    time.sleep(float(os.environ["CHAOS_BLOCK_S"]))


def blockable() -> Worker:
    # A handler of Python, not of the loop: it runs in the loop's own thread, and nothing else does meanwhile.
    signal.signal(signal.SIGUSR1, _block)
    return build()


if __name__ == "__main__":
    run(blockable)
