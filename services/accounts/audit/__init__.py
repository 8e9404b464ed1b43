"""The audit log: log-ins and sessions of operators, who ended whose, when and why."""
