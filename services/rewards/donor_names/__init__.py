"""The name under which a donor wants to be thanked. Without one, a pseudonym is shown."""
