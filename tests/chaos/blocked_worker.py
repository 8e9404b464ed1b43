"""The accounting worker with an event loop that blocks for CHAOS_BLOCK_S after a SIGUSR1."""

import os
import signal
import time
from types import FrameType

from services.accounting.worker import build
from shared.worker import Worker, run


def _block(_number: int, _frame: FrameType | None) -> None:
    time.sleep(float(os.environ["CHAOS_BLOCK_S"]))


def build_blockable_worker() -> Worker:
    # A Python handler runs in the thread of the loop and blocks it. A handler of the loop would not.
    signal.signal(signal.SIGUSR1, _block)
    return build()


if __name__ == "__main__":
    run(build_blockable_worker)
