from services.accounts.sentences import refusals
from shared.errors import Conflict


class PhoneTaken(Conflict):
    code = "PHONE_TAKEN"
    says = refusals.PHONE_TAKEN
