"""All tables of the service, for migrations."""

from services.accounting.approvals import models as _approvals
from services.accounting.audit import models as _audit
from services.accounting.bindings import models as _bindings
from services.accounting.checks import models as _checks
from services.accounting.consents import models as _consents
from services.accounting.corrections import models as _corrections
from services.accounting.database import metadata
from services.accounting.dead_letters import models as _dead_letters
from services.accounting.enterprises import models as _enterprises
from services.accounting.erased_accounts import models as _erased_accounts
from services.accounting.families import models as _families
from services.accounting.households import models as _households
from services.accounting.ledger import expiry_models as _expiry
from services.accounting.ledger import models as _ledger
from services.accounting.mandates import models as _mandates
from services.accounting.methodologies import models as _methodologies
from services.accounting.posting import models as _posting
from services.accounting.posting import version_models as _versions
from services.accounting.proofs import models as _proofs
from services.accounting.publishing import models as _publishing
from services.accounting.totals import models as _totals
from services.accounting.what_if import models as _what_if

__all__ = ["metadata"]

_ = (
    _approvals,
    _audit,
    _bindings,
    _checks,
    _consents,
    _corrections,
    _dead_letters,
    _enterprises,
    _erased_accounts,
    _expiry,
    _families,
    _households,
    _ledger,
    _mandates,
    _methodologies,
    _posting,
    _proofs,
    _publishing,
    _totals,
    _versions,
    _what_if,
)
