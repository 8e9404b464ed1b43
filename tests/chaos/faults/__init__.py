"""Every fault that can be played, and the plans `make chaos` knows by name."""

import random
from collections.abc import Sequence

from tests.chaos.faults import clients, drills, network, processes, storage
from tests.chaos.run import Fault

ALL: dict[str, Fault] = {
    fault.name: fault
    for fault in (*processes.FAULTS, *network.FAULTS, *clients.FAULTS, *storage.FAULTS, *drills.FAULTS)
}
DRILLS = tuple(fault.name for fault in drills.FAULTS)
# What partners were promised for their events, on a real Kafka.
KAFKA = ("broker-kills", "broker-absent", "worker-kills", "zombie")
# Half a minute for every test run: one of each family.
SHORT = ("worker", "backends", "log-reset", "hang-ups-short")
_ONLY_BY_NAME = {"worker-kills", "worker", "hang-ups-short"}


def chosen(names: str, seed: int) -> list[Fault]:
    """`all`, or `kafka`, `short` and names of faults, separated by commas.

    `all` comes in an order the seed decides, drills last.

    Raises KeyError for a name nobody knows.
    """
    if names == "all":
        found = [name for name in ALL if name not in DRILLS and name not in _ONLY_BY_NAME]
        random.Random(seed).shuffle(found)
        return [ALL[name] for name in (*found, *DRILLS)]
    plans: dict[str, Sequence[str]] = {"kafka": KAFKA, "short": SHORT}
    return [ALL[name] for part in names.split(",") for name in plans.get(part, (part,))]
