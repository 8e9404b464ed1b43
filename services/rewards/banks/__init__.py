"""Banks that take grams for loan interest 碳抵贷: registered by two persons, with keys that sign their requests."""
