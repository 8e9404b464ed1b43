"""Methodology documents: reading, compiling, matching, rendering, and the library in force."""
