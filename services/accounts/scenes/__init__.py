"""The everyday low-carbon scenes and who reports them."""
