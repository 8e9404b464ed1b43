"""All tables of the service, for migrations."""

from services.accounting.activities import models as _activities
from services.accounting.approvals import models as _approvals
from services.accounting.audit import models as _audit
from services.accounting.database import metadata
from services.accounting.dead_letters import models as _dead_letters
from services.accounting.households import models as _households
from services.accounting.ledger import drift_models as _drift
from services.accounting.ledger import expiry_models as _expiry
from services.accounting.ledger import models as _ledger
from services.accounting.methodologies import models as _methodologies
from services.accounting.proofs import models as _proofs
from services.accounting.publishing import models as _publishing
from services.accounting.what_if import models as _what_if

__all__ = ["metadata"]

_ = (
    _activities,
    _approvals,
    _audit,
    _dead_letters,
    _drift,
    _households,
    _expiry,
    _ledger,
    _methodologies,
    _proofs,
    _publishing,
    _what_if,
)
