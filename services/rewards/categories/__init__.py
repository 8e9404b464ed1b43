"""The categories of the mall: names and order, chosen by operators."""
