"""Bad input against the whole stack through the gateway: generated from the OpenAPI documents, and from a hand list."""
