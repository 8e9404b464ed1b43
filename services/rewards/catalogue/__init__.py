"""The catalogue: items, their stock, their sale window."""
