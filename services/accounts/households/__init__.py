"""Households (家庭): who lives together, their meter, their carbon account."""
