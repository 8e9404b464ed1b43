"""Security check of texts that other people see: names of households, nicknames."""
