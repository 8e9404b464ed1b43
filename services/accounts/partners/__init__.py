"""What this service knows of partners: asked of ingest, exchanged with the partner itself."""
