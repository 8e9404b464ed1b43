"""All tables of the schema, for migrations."""

from services.accounts.approvals import models as approvals
from services.accounts.audit import models as audit
from services.accounts.authorizations import models as authorizations
from services.accounts.bindings import models as bindings
from services.accounts.carbon_accounts import models as carbon_accounts
from services.accounts.consents import models as consents
from services.accounts.database import metadata
from services.accounts.dead_letters import models as dead_letters
from services.accounts.enterprise_documents import models as enterprise_documents
from services.accounts.enterprise_members import models as enterprise_members
from services.accounts.enterprises import models as enterprises
from services.accounts.erasures import models as erasures
from services.accounts.exports import models as exports
from services.accounts.family_cards import models as family_cards
from services.accounts.freeze_questions import models as freeze_questions
from services.accounts.guardians import models as guardians
from services.accounts.household_rules import models as household_rules
from services.accounts.households import models as households
from services.accounts.log_in_codes import models as log_in_codes
from services.accounts.lookup_keys import models as lookup_keys
from services.accounts.mandates import models as mandates
from services.accounts.messages import models as messages
from services.accounts.meters import models as meters
from services.accounts.operator_accounts import models as operator_accounts
from services.accounts.operator_sessions import models as operator_sessions
from services.accounts.operators import models as operators
from services.accounts.person_keys import models as person_keys
from services.accounts.phones import models as phones
from services.accounts.policies import models as policies
from services.accounts.quotas import models as quotas
from services.accounts.sessions import models as sessions
from services.accounts.signing_keys import models as signing_keys
from services.accounts.steps import models as steps
from services.accounts.text_checks import models as text_checks
from services.accounts.users import models as users

__all__ = [
    "approvals",
    "audit",
    "authorizations",
    "bindings",
    "carbon_accounts",
    "consents",
    "dead_letters",
    "enterprise_documents",
    "enterprise_members",
    "enterprises",
    "erasures",
    "exports",
    "family_cards",
    "freeze_questions",
    "guardians",
    "household_rules",
    "households",
    "log_in_codes",
    "lookup_keys",
    "mandates",
    "messages",
    "metadata",
    "meters",
    "operator_accounts",
    "operator_sessions",
    "operators",
    "person_keys",
    "phones",
    "policies",
    "quotas",
    "sessions",
    "signing_keys",
    "steps",
    "text_checks",
    "users",
]
