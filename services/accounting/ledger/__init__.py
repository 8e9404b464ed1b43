"""The double-entry ledger: chart of accounts, postings, balances, holds, expiry of grams."""
