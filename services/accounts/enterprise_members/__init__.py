"""Members of enterprises and their roles: applications, invitations, memberships."""
