"""One data key for each person: what is sealed with it is unreadable once the key is destroyed."""
