"""What operators changed. The service's role may only add to it and read it."""

from services.ingest.database import metadata
from shared.audit import add_audit_table

audit_log = add_audit_table(metadata)
