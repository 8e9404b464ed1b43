"""An operator's morning: an item with its picture, a pool of codes, a budget, a merchant, a guest, a settlement."""
