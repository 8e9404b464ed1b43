"""Refunds of orders by operators, with a reason and a second person."""
