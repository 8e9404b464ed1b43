from typing import ClassVar

from services.accounts.sentences import refusals
from shared.errors import InvalidRequest


class PolicyVersionUnknown(InvalidRequest):
    code = "POLICY_VERSION_UNKNOWN"
    members: ClassVar = {"current_version": str | None}
    says = refusals.POLICY_VERSION_UNKNOWN


class PolicyVersionOutdated(InvalidRequest):
    code = "POLICY_VERSION_OUTDATED"
    members: ClassVar = {"current_version": str | None}
    says = refusals.POLICY_VERSION_OUTDATED
