"""Errors of budgets."""

from shared.errors import Conflict


class BudgetExhausted(Conflict):
    code = "BUDGET_EXHAUSTED"
    title_zh = "本期兑换预算已用完"
    title_en = "The budget behind this reward is used up"
    detail_zh = "赞助方本期投入已兑完，减碳量没有扣除。"
    detail_en = "What the sponsor funded has been redeemed; no grams were taken."
