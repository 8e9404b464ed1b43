"""Partners: their registry and signature check at ingest, and their own token endpoints."""
