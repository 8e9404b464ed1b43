from services.accounts.sentences import leaving
from shared.errors import Conflict, NotFound


class AccountNotFrozen(Conflict):
    code = "ACCOUNT_NOT_FROZEN"
    says = leaving.ACCOUNT_NOT_FROZEN


class QuestionNotFound(NotFound):
    code = "QUESTION_NOT_FOUND"
    says = leaving.QUESTION_NOT_FOUND


class QuestionAnswered(Conflict):
    code = "QUESTION_ANSWERED"
    says = leaving.QUESTION_ANSWERED
