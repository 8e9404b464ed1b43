"""No operator alone raises a balance: every operators' route of the four services, tried by one operator."""
