"""The audit log: log-ins and sessions of operators, with the ends of sessions, their times and reasons."""
