"""The schema of the ingest service. Every table is declared on this metadata."""

from shared.db import metadata_for
from shared.plumbing import add_plumbing_tables

SCHEMA = "ingest"
metadata = metadata_for(SCHEMA)
add_plumbing_tables(metadata)
