"""The grid company confirms or refuses the meters of households."""
