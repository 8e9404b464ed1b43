"""Who may report what: partners, their keys, and the proof that a request comes from one of them."""
