"""The forecast of what the programme still owes, at both prices, against the money in the budgets."""
