"""The feed of verdicts: every verdict of a partner in order, with a position. Webhooks catch up from it."""
