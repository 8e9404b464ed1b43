"""`python -m deploy.tph`, or `.venv/bin/tph`."""

import sys

from deploy.tph import checks, feed, receipts, screen, transfers
from deploy.tph.commands import app
from deploy.tph.errors import CommandError

EXIT_ERROR = 2
_COMMANDS = (checks, feed, receipts, transfers)  # importing these modules registers their commands


def main() -> int:
    try:
        app(prog_name="tph")
    except CommandError as error:
        screen.errors.print(error.zh, style="red", markup=False, highlight=False, soft_wrap=True)
        screen.errors.print(error.en, markup=False, highlight=False, soft_wrap=True)
        return EXIT_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
