"""Records that no consumer could process: operators publish them again or discard them."""
