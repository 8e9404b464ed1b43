"""Errors of budgets."""

from services.rewards.sentences import refusals
from shared.errors import Conflict


class BudgetExhausted(Conflict):
    code = "BUDGET_EXHAUSTED"
    says = refusals.BUDGET_EXHAUSTED
