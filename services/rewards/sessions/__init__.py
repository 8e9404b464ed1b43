"""Whether the session of a citizen still lives: asked of accounts before grams are spent."""
