"""All tables of the service, for migrations."""

from services.ingest.approvals import models as _approvals
from services.ingest.archive import models as _archive
from services.ingest.audit import models as _audit
from services.ingest.database import metadata
from services.ingest.dead_letters import models as _dead_letters
from services.ingest.deliveries import models as _deliveries
from services.ingest.imports import models as _imports
from services.ingest.limits import models as _limits
from services.ingest.outcomes import models as _outcomes
from services.ingest.partners import models as _partners
from services.ingest.reconciliation import models as _reconciliation
from services.ingest.records import models as _records

__all__ = ["metadata"]

_ = (
    *(_approvals, _archive, _audit, _dead_letters, _deliveries, _imports),
    *(_limits, _outcomes, _partners, _reconciliation, _records),
)
