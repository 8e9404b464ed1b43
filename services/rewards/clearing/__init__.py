"""The daily settlement of merchants: what each sponsor owes each shop, in pieces and fen."""
