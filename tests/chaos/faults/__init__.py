"""Every fault, and the named plans of `make chaos`."""

import random
from collections.abc import Sequence

from tests.chaos.faults import clients, drills, network, processes, starve, storage
from tests.chaos.run import Fault

ALL: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *processes.FAULTS,
        *network.FAULTS,
        *clients.FAULTS,
        *storage.FAULTS,
        *drills.FAULTS,
        *starve.FAULTS,
    )
}
DRILLS = tuple(fault.name for fault in drills.FAULTS)
# The promise to partners about their events, on a real Kafka.
KAFKA = ("broker-kills", "broker-absent", "worker-kills", "zombie")
# Half a minute in every test run: one fault of each family.
SHORT = ("worker", "backends", "log-reset", "hang-ups-short")
# Attacks from one address beside the load. Each prints the p99 of genuine requests beside it and without it.
STARVE = tuple(fault.name for fault in starve.FAULTS)
_ONLY_BY_NAME = {*STARVE, "worker-kills", "worker", "hang-ups-short"}


def select_faults(names: str, seed: int) -> list[Fault]:
    """Return the faults for `all`, or for `kafka`, `short`, `starve` and names of faults, separated by commas.

    The seed decides the order of `all`; drills come last. Raises KeyError for an unknown name.
    """
    if names == "all":
        found = [name for name in ALL if name not in DRILLS and name not in _ONLY_BY_NAME]
        random.Random(seed).shuffle(found)
        return [ALL[name] for name in (*found, *DRILLS)]
    plans: dict[str, Sequence[str]] = {"kafka": KAFKA, "short": SHORT, "starve": STARVE}
    return [ALL[name] for part in names.split(",") for name in plans.get(part, (part,))]
