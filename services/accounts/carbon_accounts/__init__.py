"""Carbon accounts of persons and households, and their account numbers."""
