"""A guardian consents for a person under 14, sees these consents and withdraws them."""
