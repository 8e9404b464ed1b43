"""The records of operators: their seals, and the check that partners and keys follow from them."""
