"""All tables of the service, for migrations."""

from services.accounting.activities import models as _activities
from services.accounting.database import metadata
from services.accounting.ledger import models as _ledger
from services.accounting.methodologies import models as _methodologies
from services.accounting.operations import models as _operations

__all__ = ["metadata"]

_ = (_activities, _ledger, _methodologies, _operations)
