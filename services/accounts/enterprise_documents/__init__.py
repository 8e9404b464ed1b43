"""Documents of applications: hash and sealed content in the database, read by operators with a reason."""
