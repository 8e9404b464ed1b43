"""The service's two-person approval. Rooms register their kinds in `main.py`; `shared/approvals.py` explains how."""

from collections.abc import Iterable

from services.accounts.approvals.models import approval
from services.accounts.audit.service import log
from shared.approvals import Approvals
from shared.approvals_kinds import Kind


def approvals_of(kinds: Iterable[Kind]) -> Approvals:
    return Approvals(approval, audit=log, kinds=kinds)


# Ends overdue proposals of every kind. This needs no list of kinds.
expire = approvals_of(()).expire
