from services.accounts.sentences import family_refusals as refusals
from shared.errors import Forbidden


class NotGridCompany(Forbidden):
    """The signature is valid, but this partner confirms no meters."""

    code = "NOT_GRID_COMPANY"
    says = refusals.NOT_GRID_COMPANY
