"""All tables of the service, for migrations."""

from services.accounting.activities import models as _activities
from services.accounting.database import metadata
from services.accounting.ledger import audit_models as _audit
from services.accounting.ledger import models as _ledger
from services.accounting.methodologies import models as _methodologies
from services.accounting.proofs import models as _proofs

__all__ = ["metadata"]

_ = (_activities, _audit, _ledger, _methodologies, _proofs)
