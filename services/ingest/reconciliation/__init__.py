"""A partner's day against ours: what only they have, what only we have, what differs, what they list twice."""
