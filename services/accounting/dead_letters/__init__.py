"""Records that no consumer could process: operators correct and republish them, or discard them."""
