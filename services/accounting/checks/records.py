"""The records of operators, in time order, for seals: publications, approvals, factors, mends and the audit log."""

from typing import Final

from services.accounting.database import SCHEMA
from shared.seals.records import Records, Source

OPERATORS_RECORDS: Final = Records(
    SCHEMA,
    (
        Source("audit_log", "at", "entry_id::text", "entry_id at subject action object reason before after"),
        Source("factor", "registered_at", "factor_id || ' ' || vintage", "factor_id vintage document sha256"),
        Source(
            "methodology_version",
            "published_at",
            "code || ' v' || version",
            "code version region effective_from document sha256",
        ),
        Source(
            "library_journal",
            "at",
            "entry_id::text",
            "entry_id kind name version sha256 document ends_on retired proposed_by approved_by",
        ),
        Source(
            "methodology_draft",
            "published_at",
            "draft_id::text",
            "draft_id code version text sha256 authors published_by",
        ),
        Source(
            "approval",
            "proposed_at",
            "'proposed ' || proposal_id",
            "proposal_id kind subject content reason proposed_by",
        ),
        Source("approval", "decided_at", "'decided ' || proposal_id", "proposal_id status decided_by"),
        # Since migration 0023. Older rows count from that migration on, so days sealed before have no leaf of them.
        Source("mended_report", "sealed_from", "activity_id::text", "activity_id proposal_id fields recorded_at"),
    ),
)
