"""One list of the proposals of items, budgets and refunds, and their decisions."""
