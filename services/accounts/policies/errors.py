from services.accounts.sentences import refusals
from shared.errors import InvalidRequest


class PolicyVersionUnknown(InvalidRequest):
    code = "POLICY_VERSION_UNKNOWN"
    says = refusals.POLICY_VERSION_UNKNOWN


class PolicyVersionOutdated(InvalidRequest):
    code = "POLICY_VERSION_OUTDATED"
    says = refusals.POLICY_VERSION_OUTDATED
