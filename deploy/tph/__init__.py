"""`tph`: the command line of a partner's engineer."""
