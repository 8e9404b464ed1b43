"""A `java` that says its version, formats at once, and starts a broker that never answers."""

import signal
import sys
import time
from pathlib import Path

arguments = sys.argv[1:]
if "-version" in arguments:
    print('openjdk version "17.0.1"', file=sys.stderr)
elif "kafka.tools.StorageTool" in arguments:
    data = Path(arguments[-1]).parent / "data"
    data.mkdir(parents=True, exist_ok=True)
    (data / "meta.properties").touch()
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        time.sleep(0.1)
