"""Tables of families: what was spent for others, and what members agree upon."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, DateTime, ForeignKey, Index, Table, Text, Uuid, func

from services.accounting.database import metadata

family_spend = Table(
    "family_spend",
    metadata,
    Column("hold_id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False, comment="whose grams: a household's or a family card's account"),
    Column("spender_account_id", Uuid, nullable=False, comment="who spent them"),
    Column("month", Date, nullable=False, comment="first day of the local month"),
    Column("amount_mg", BigInteger, nullable=False),
    Column("about", Text, nullable=False, comment="order:<item> or donation:<campaign>"),
    Column("agreement_id", Uuid, unique=True, comment="null: within the spender's monthly limit"),
    Column("spent_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    CheckConstraint("amount_mg > 0", name="amount_positive"),
)
Index(
    "ix_family_spend_month",
    family_spend.c.account_id,
    family_spend.c.spender_account_id,
    family_spend.c.month,
)
Index("ix_family_spend_spender", family_spend.c.spender_account_id)
Index("ix_family_spend_newest", family_spend.c.account_id, family_spend.c.hold_id)

agreement = Table(
    "agreement",
    metadata,
    Column("agreement_id", Uuid, primary_key=True),
    Column("household_id", Uuid, nullable=False),
    Column("proposed_by", Uuid, nullable=False, comment="account of the member who will spend"),
    Column("about", Text, nullable=False, comment="order:<item> or donation:<campaign>"),
    Column("amount_mg", BigInteger, nullable=False, comment="at most"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("amount_mg > 0", name="amount_positive"),
    CheckConstraint("status IN ('open', 'spent', 'refused', 'withdrawn')", name="status"),
    CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="ended"),
)
Index("ix_agreement_household", agreement.c.household_id, agreement.c.agreement_id)
Index("ix_agreement_proposed_by", agreement.c.proposed_by)

agreement_member = Table(
    "agreement_member",
    metadata,
    Column("agreement_id", Uuid, ForeignKey("accounting.agreement.agreement_id"), primary_key=True),
    Column("account_id", Uuid, primary_key=True, comment="of a member who agreed"),
    Column("agreed_at", DateTime(timezone=True), nullable=False),
)
Index("ix_agreement_member_account", agreement_member.c.account_id)
