"""Roles of operators, given and taken away by two other operators."""
