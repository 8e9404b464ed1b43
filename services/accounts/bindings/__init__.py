"""Who is who at which partner, and from when to when acts count."""
