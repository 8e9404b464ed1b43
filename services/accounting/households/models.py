"""Tables of households: members, meters, spending rules and family cards, as accounts publishes them."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, Table, Text, Uuid

from services.accounting.database import metadata

household_member = Table(
    "household_member",
    metadata,
    Column("membership_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("household_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False, comment="the person's"),
    Column("joined_at", DateTime(timezone=True), nullable=False),
    Column("left_at", DateTime(timezone=True)),
)
Index("ix_household_member_account", household_member.c.account_id, household_member.c.left_at)
Index("ix_household_member_household", household_member.c.household_id)

household_meter = Table(
    "household_meter",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("household_id", Uuid, nullable=False),
    Column("meter_key", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
Index("ix_household_meter_key", household_meter.c.meter_key)
Index("ix_household_meter_household", household_meter.c.household_id)

household_rule = Table(
    "household_rule",
    metadata,
    Column("household_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("limit_mg", BigInteger, nullable=False, comment="of one member in a month, for any_member_up_to"),
)

family_card = Table(
    "family_card",
    metadata,
    Column("card_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("account_id", Uuid, nullable=False, comment="the card's"),
    Column("proxy_account_id", Uuid, comment="who may see and spend its grams; null: nobody"),
    Column("limit_mg", BigInteger, nullable=False, comment="of its proxy in a month"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
Index("ix_family_card_account", family_card.c.account_id)

cap_subject = Table(
    "cap_subject",
    metadata,
    Column("subject_id", Uuid, primary_key=True, comment="of a household or a meter: locked while it is counted"),
)
