"""Loan interest 碳抵贷: a bank's signed quote, grams spent for it, a budget that pays, and the bank's answer."""
