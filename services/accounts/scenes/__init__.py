"""The low-carbon scenes and the partners that report them."""
