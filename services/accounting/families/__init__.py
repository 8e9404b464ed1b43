"""Families: spending the grams of a household or of a family card, by rules, limits and agreements."""
