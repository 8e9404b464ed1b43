"""How much of the intake one partner may use: tokens by the second, a budget by the day."""
