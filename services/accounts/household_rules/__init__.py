"""The rule by which a household spends its grams. All members agree to a change."""
