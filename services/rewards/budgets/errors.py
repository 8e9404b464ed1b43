"""Errors of budgets."""

from services.rewards.sentences import mall, refusals
from shared.errors import Conflict, NotFound


class BudgetExhausted(Conflict):
    code = "BUDGET_EXHAUSTED"
    says = refusals.BUDGET_EXHAUSTED


class BudgetNotFound(NotFound):
    code = "BUDGET_NOT_FOUND"
    says = mall.BUDGET_NOT_FOUND


class BudgetExists(Conflict):
    code = "BUDGET_EXISTS"
    says = mall.BUDGET_EXISTS


class BudgetClosed(Conflict):
    code = "BUDGET_CLOSED"
    says = mall.BUDGET_CLOSED


class BudgetLimitTooLow(Conflict):
    code = "BUDGET_LIMIT_TOO_LOW"
    says = mall.BUDGET_LIMIT_TOO_LOW


class TooManyBudgets(Conflict):
    code = "TOO_MANY_BUDGETS"
    says = mall.TOO_MANY_BUDGETS
