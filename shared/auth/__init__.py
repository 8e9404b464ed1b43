"""Authentication: citizens, operators and services by token, partners by signature."""
