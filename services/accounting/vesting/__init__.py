"""Pending credits that become available after their vesting days."""
