"""The citizen's own profile (`GET /me`)."""
