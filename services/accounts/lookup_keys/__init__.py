"""Which pepper makes new look-up hashes: the database decides, so that all processes agree at every moment."""
