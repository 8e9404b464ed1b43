"""Carbon accounts of persons, households and enterprises, and their account numbers."""
