"""Electricity meters of households: registered, or claimed and then confirmed by the grid company."""
