"""The page "me"."""
