"""All tables of the service, for migrations."""

from services.ingest.database import metadata

__all__ = ["metadata"]
