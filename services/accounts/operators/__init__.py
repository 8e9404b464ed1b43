"""What an operator may look up, and the record of having looked."""
