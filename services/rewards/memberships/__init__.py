"""Who belongs to which household and enterprise: projections of two topics of accounts, for badges and boards."""
