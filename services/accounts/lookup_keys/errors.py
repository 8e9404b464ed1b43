from services.accounts.sentences import refusals
from shared.errors import Unavailable


class LookUpKeyUnknown(Unavailable):
    """The database has hashes of a pepper that this process was not given. To go on would make people twice."""

    code = "LOOK_UP_KEY_UNKNOWN"
    says = refusals.LOOK_UP_KEY_UNKNOWN
