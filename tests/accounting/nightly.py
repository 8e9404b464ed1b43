"""Stories of the state machines: the same few in every run, new and longer ones at night.

HYPOTHESIS_PROFILE=nightly plays new stories until STORIES_FOR_S seconds are over (600 by default).
"""

import os
import time
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

NIGHTLY: Final = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
_FOR_S: Final = float(os.environ.get("STORIES_FOR_S", "600"))
_STORIES_AT_ONCE: Final = 10


def play(machine: type[RuleBasedStateMachine], *, stories: int, steps: int, nightly_steps: int) -> None:
    """Run `stories` of `steps` each, or new ones of `nightly_steps` for the whole time. Raises the first failure."""
    stop = time.monotonic() + _FOR_S
    profile = settings(
        max_examples=_STORIES_AT_ONCE if NIGHTLY else stories,
        stateful_step_count=nightly_steps if NIGHTLY else steps,
        derandomize=not NIGHTLY,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    played = 0
    while True:
        run_state_machine_as_test(machine, settings=profile)
        played += profile.max_examples
        if not NIGHTLY:
            return
        print(f"{played} stories of up to {nightly_steps} steps", flush=True)
        if time.monotonic() > stop:
            return
