"""How often one person may do what costs money or invites abuse."""
