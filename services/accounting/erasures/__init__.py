"""Erasure of a person here: the content of acts goes, the ledger stays, the grams that are left are withdrawn."""
