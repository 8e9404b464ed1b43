"""What people consented to, by purpose: the projection of a topic of accounts."""
