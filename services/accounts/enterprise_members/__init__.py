"""Members of enterprises and their roles: who applied, who was invited, who acts for whom."""
