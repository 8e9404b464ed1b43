"""Households (家庭): members, electricity meter and the shared carbon account."""
