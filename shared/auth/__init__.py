"""Who is calling: citizens and operators by token, services by token, partners by signature."""
