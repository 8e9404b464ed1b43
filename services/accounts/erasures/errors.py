from services.accounts.sentences import leaving
from shared.errors import NotFound


class ErasureNotPlanned(NotFound):
    code = "ERASURE_NOT_PLANNED"
    says = leaving.ERASURE_NOT_PLANNED
