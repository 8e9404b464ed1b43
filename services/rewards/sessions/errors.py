from services.rewards.sentences import refusals
from shared.errors import Unauthenticated


class SessionEnded(Unauthenticated):
    code = "SESSION_ENDED"
    says = refusals.SESSION_ENDED
