"""All tables of the schema, for migrations."""

from services.accounts.audit import models as audit
from services.accounts.bindings import models as bindings
from services.accounts.carbon_accounts import models as carbon_accounts
from services.accounts.consents import models as consents
from services.accounts.database import metadata
from services.accounts.family_cards import models as family_cards
from services.accounts.household_rules import models as household_rules
from services.accounts.households import models as households
from services.accounts.log_in_codes import models as log_in_codes
from services.accounts.meters import models as meters
from services.accounts.operator_accounts import models as operator_accounts
from services.accounts.operator_sessions import models as operator_sessions
from services.accounts.operators import models as operators
from services.accounts.phones import models as phones
from services.accounts.policies import models as policies
from services.accounts.quotas import models as quotas
from services.accounts.sessions import models as sessions
from services.accounts.users import models as users

__all__ = [
    "audit",
    "bindings",
    "carbon_accounts",
    "consents",
    "family_cards",
    "household_rules",
    "households",
    "log_in_codes",
    "metadata",
    "meters",
    "operator_accounts",
    "operator_sessions",
    "operators",
    "phones",
    "policies",
    "quotas",
    "sessions",
    "users",
]
