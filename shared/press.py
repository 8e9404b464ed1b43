"""Has files drawn by a program of its own: drawing takes a core, and nothing beside it may wait.

The program gets no variables of this process, so it has no secrets. Its hashes have a fixed seed, so that a set in a
library cannot change the order of what it writes.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[1]
_VARIABLES: Final = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}


class PressFailed(Exception):
    """The program ended with an error, or took too long."""


async def run_press(program: str, given: bytes, *, timeout_s: float) -> bytes:
    """Run `python -m program` with `given` on its standard input. Return its output. Raises PressFailed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=_ROOT,
        env=_VARIABLES,
    )
    try:
        async with asyncio.timeout(timeout_s):
            written, _ = await process.communicate(given)
    except TimeoutError as exc:
        raise PressFailed(f"{program} took longer than {timeout_s} s") from exc
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise PressFailed(f"{program} ended with {process.returncode}")
    return written
