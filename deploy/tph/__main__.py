"""`python -m deploy.tph`, or `.venv/bin/tph`."""

import sys

from deploy.tph import checks, receipts, screen, transfers
from deploy.tph.commands import app
from deploy.tph.errors import Complaint

NOT_DONE = 2
_COMMANDS = (checks, receipts, transfers)  # importing them adds theirs


def main() -> int:
    try:
        app(prog_name="tph")
    except Complaint as complaint:
        screen.errors.print(complaint.zh, style="red", markup=False, highlight=False, soft_wrap=True)
        screen.errors.print(complaint.en, markup=False, highlight=False, soft_wrap=True)
        return NOT_DONE
    return 0


if __name__ == "__main__":
    sys.exit(main())
