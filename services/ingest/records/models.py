"""Table of the chain that seals the records of operators."""

from services.ingest.database import metadata
from shared.seals.record_chain import add_record_digest_table

record_digest = add_record_digest_table(metadata)
