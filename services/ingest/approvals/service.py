"""The service's two-person approval. Rooms register their kinds in `main.py`; `shared/approvals.py` explains how."""

from collections.abc import Iterable

from services.ingest.approvals.models import approval
from services.ingest.audit.service import log
from shared.approvals import Approvals
from shared.approvals_kinds import Kind


def approvals_of(kinds: Iterable[Kind]) -> Approvals:
    return Approvals(approval, audit=log, kinds=kinds)


_any_kind = approvals_of(())
# Reads approved proposals of every kind.
approved = _any_kind.approved
# Ends overdue proposals of every kind; for this no kind needs to be known.
expire = _any_kind.expire
