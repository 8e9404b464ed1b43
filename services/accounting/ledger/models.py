"""Tables of the double-entry ledger. The role of the service may only INSERT postings (see the grants)."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from services.accounting.database import metadata
from services.accounting.ledger.chart import MAY_BE_NEGATIVE, SUB_ACCOUNTS

_negative_kinds = ", ".join(f"'{kind}'" for kind in sorted(MAY_BE_NEGATIVE))
_sub_accounts = ", ".join(f"'{kind}'" for kind in sorted(SUB_ACCOUNTS))

ledger_account = Table(
    "ledger_account",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("code", Text, unique=True),
    Column("balance_mg", BigInteger, nullable=False, server_default="0"),
    Column(
        "lifetime_mg",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="of a person: credited and pending activities, whatever became of the grams; less what was reversed",
    ),
    Column("owner_id", Uuid, comment="whose sub-account this is"),
    Column("frozen_at", DateTime(timezone=True), comment="no new hold may take from it"),
    Column("frozen_reason", Text, comment="the code that the owner is told"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint(f"balance_mg >= 0 OR kind IN ({_negative_kinds})", name="not_overdrawn"),
    CheckConstraint("lifetime_mg >= 0", name="lifetime_not_negative"),
    CheckConstraint(f"(kind IN ({_sub_accounts})) = (owner_id IS NOT NULL)", name="sub_account_has_owner"),
    CheckConstraint("frozen_at IS NULL OR kind = 'person'", name="people_are_frozen"),
    postgresql_with={"fillfactor": 70},
)

# Every credit looks here for a debt to repay, and very few accounts have one. The balance is not in the predicate: if
# any index used that column, every change of a balance would write to all indexes of the table.
Index("ix_ledger_account_debt", ledger_account.c.owner_id, postgresql_where=text("kind = 'debt'"))

posting = Table(
    "posting",
    metadata,
    Column("posting_id", Uuid, primary_key=True),
    Column("posted_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("kind", Text, nullable=False),
    Column("debit_account_id", Uuid, nullable=False),
    Column("credit_account_id", Uuid, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("activity_id", Uuid),
    Column("hold_id", Uuid),
    Column("reverses_posting_id", Uuid),
    Column("requested_by", Text, nullable=False),
    CheckConstraint("amount_mg > 0", name="amount_positive"),
    CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
)
# The table is in time order, so a block-range index finds any interval at no cost to the writers. Autovacuum
# summarises new ranges. Until then they are read in full, which is slower and returns the same rows.
Index("ix_posting_posted_at", posting.c.posted_at, postgresql_using="brin", postgresql_with={"autosummarize": "on"})
# A reversal debits the person and, for grams spent before, the debt: each at most once. Only reversals are indexed,
# because an entry for every credit would cost as much as the trigger that checks the chart.
Index(
    "uq_posting_reversal",
    posting.c.reverses_posting_id,
    posting.c.debit_account_id,
    unique=True,
    postgresql_where=text("reverses_posting_id IS NOT NULL"),
)
Index("ix_posting_credit", posting.c.credit_account_id, posting.c.posting_id)
# Credits debit an issuance account, and no query lists them by their debit side. To index them would cost a tenth of
# the posting rate.
Index(
    "ix_posting_debit",
    posting.c.debit_account_id,
    posting.c.posting_id,
    postgresql_where=text("kind <> 'credit'"),
)
Index("uq_posting_vest_of_activity", posting.c.activity_id, unique=True, postgresql_where=text("kind = 'vest'"))
Index("uq_posting_credit_of_activity", posting.c.activity_id, unique=True, postgresql_where=text("kind = 'credit'"))

posting_rule = Table(
    "posting_rule",
    metadata,
    Column("kind", Text, primary_key=True, comment="of a posting; the rows are `chart.CHART`, written by migrations"),
    Column("debit_kind", Text, primary_key=True, comment="of an account"),
    Column("credit_kind", Text, primary_key=True, comment="of an account"),
)

hold = Table(
    "hold",
    metadata,
    Column("hold_id", Uuid, primary_key=True),
    Column("account_id", Uuid),
    Column("amount_mg", BigInteger, nullable=False),
    Column("purpose", Text),
    Column("status", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("captured_to", Text),
    Column("title_zh", Text, comment="what the grams were spent on, for the statement of account"),
    Column("title_en", Text),
    Column("refusal", Text, comment="of a spend that was refused: the code, repeated to a repeated request"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("settled_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('held', 'captured', 'voided', 'expired', 'refunded')", name="status"),
    CheckConstraint("amount_mg > 0 OR status = 'voided'", name="amount_positive"),
    CheckConstraint("(status IN ('captured', 'refunded')) = (captured_to IS NOT NULL)", name="captured_to"),
    CheckConstraint("(title_zh IS NULL) = (title_en IS NULL)", name="title_whole"),
    CheckConstraint("char_length(title_zh) <= 200 AND char_length(title_en) <= 200", name="title_bounded"),
)
Index("ix_hold_open", hold.c.account_id, postgresql_where=text("status = 'held'"))
Index("ix_hold_due", hold.c.expires_at, postgresql_where=text("status = 'held'"))

capture_target = Table(
    "capture_target",
    metadata,
    Column("code", Text, primary_key=True, comment="redeemed:<sponsor> or donated:<campaign>"),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint(r"code ~ '^(redeemed|donated):[A-Za-z0-9._-]{1,60}$'", name="code"),
)
