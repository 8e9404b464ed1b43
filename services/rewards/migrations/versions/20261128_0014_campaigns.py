"""Campaigns close exactly at their target: kinds, what is under way, thanks, pictures, changes by operators.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SCHEMA = "rewards"
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _campaigns()
    _donors()
    _enterprises()
    _teams()
    _standing_orders()


def _campaigns() -> None:
    for column in (
        sa.Column("kind", sa.Text(), server_default="charity", nullable=False),
        sa.Column("images", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("thanks_zh", sa.Text(), server_default="", nullable=False),
        sa.Column("thanks_en", sa.Text(), server_default="", nullable=False),
        sa.Column("reserved_mg", sa.BigInteger(), server_default="0", nullable=False, comment="of donations under way"),
        sa.Column(
            "version", sa.Integer(), server_default="1", nullable=False, comment="raised by every change of an operator"
        ),
        sa.Column("completed_at", _TIME, comment="when the target was reached"),
        sa.Column("closed_at", _TIME, comment="by an operator, before its end"),
    ):
        op.add_column("campaign", column, schema=_SCHEMA)
    op.alter_column("campaign", "donors", comment="people and enterprises, not donations", schema=_SCHEMA)
    op.execute(
        "UPDATE rewards.campaign c SET reserved_mg = d.mg FROM (SELECT campaign_id, sum(amount_mg) AS mg"
        " FROM rewards.donation WHERE status IN ('pending', 'cancelling', 'returning') GROUP BY 1) d"
        " WHERE d.campaign_id = c.campaign_id"
    )
    # A campaign could pass its target until now. What was given stays given: such a target moves up to it.
    op.execute(
        "UPDATE rewards.campaign SET target_mg = donated_mg + reserved_mg WHERE donated_mg + reserved_mg > target_mg"
    )
    op.execute("UPDATE rewards.campaign SET completed_at = now() WHERE donated_mg = target_mg")
    op.drop_constraint(op.f("ck_campaign_not_negative"), "campaign", schema=_SCHEMA)
    for name, rule in (
        ("not_negative", "donated_mg >= 0 AND donors >= 0 AND reserved_mg >= 0"),
        ("within_target", "donated_mg + reserved_mg <= target_mg"),
        ("completed", "(completed_at IS NULL) = (donated_mg < target_mg)"),
        ("kind", "kind IN ('charity', 'event')"),
    ):
        op.create_check_constraint(op.f(f"ck_campaign_{name}"), "campaign", rule, schema=_SCHEMA)


def _donors() -> None:
    op.add_column(
        "donation",
        sa.Column("enterprise_id", sa.Uuid(), comment="whose grams the user gave, as its maker"),
        schema=_SCHEMA,
    )
    op.add_column("donation", sa.Column("team_id", sa.Uuid(), comment="in whose name the user gave"), schema=_SCHEMA)
    op.create_check_constraint(
        op.f("ck_donation_one_donor"), "donation", "enterprise_id IS NULL OR team_id IS NULL", schema=_SCHEMA
    )
    op.create_index(
        "ix_donation_enterprise",
        "donation",
        ["enterprise_id", "donation_id"],
        schema=_SCHEMA,
        postgresql_where=sa.text("enterprise_id IS NOT NULL"),
    )
    op.alter_column(
        "campaign_donor", "user_id", new_column_name="donor_id", comment="the user, or the enterprise", schema=_SCHEMA
    )
    op.add_column(
        "campaign_donor",
        sa.Column("is_enterprise", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema=_SCHEMA,
    )
    op.add_column(
        "campaign_donor",
        sa.Column(
            "pseudonym",
            sa.Text(),
            server_default=sa.text("upper(left(replace(gen_random_uuid()::text, '-', ''), 6))"),
            nullable=False,
            comment="shown without a name, here only",
        ),
        schema=_SCHEMA,
    )
    op.create_index(
        "ix_campaign_donor_amount",
        "campaign_donor",
        ["campaign_id", sa.text("donated_mg DESC"), "donor_id"],
        schema=_SCHEMA,
    )
    op.create_table(
        "donor_name",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("agreed_at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 20", name=op.f("ck_donor_name_name")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_donor_name")),
        schema=_SCHEMA,
    )


def _enterprises() -> None:
    op.create_table(
        "enterprise",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True, comment="the registered one; null until accounts publishes it"),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the enterprise's"),
        sa.PrimaryKeyConstraint("enterprise_id", name=op.f("pk_enterprise")),
        sa.UniqueConstraint("account_id", name=op.f("uq_enterprise_account_id")),
        schema=_SCHEMA,
    )
    op.create_table(
        "enterprise_member",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the person's"),
        sa.Column("roles", postgresql.JSONB(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("membership_id", name=op.f("pk_enterprise_member")),
        schema=_SCHEMA,
    )
    op.create_index("ix_enterprise_member_person", "enterprise_member", ["account_id", "enterprise_id"], schema=_SCHEMA)


def _teams() -> None:
    op.create_table(
        "team",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("donated_mg", sa.BigInteger(), server_default="0", nullable=False, comment="given in its name"),
        sa.Column(
            "code_hash",
            sa.LargeBinary(),
            nullable=True,
            comment="SHA-256 of the code that invites; null: nobody is invited",
        ),
        sa.Column("code_expires_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.CheckConstraint("donated_mg >= 0", name=op.f("ck_team_not_negative")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 20", name=op.f("ck_team_name")),
        sa.CheckConstraint("(code_hash IS NULL) = (code_expires_at IS NULL)", name=op.f("ck_team_code")),
        sa.CheckConstraint("closed_at IS NULL OR code_hash IS NULL", name=op.f("ck_team_closed")),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_team")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_team_code_hash")),
        schema=_SCHEMA,
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_team_opened_by", "team", ["opened_by"], schema=_SCHEMA)
    op.create_table(
        "team_member",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="one team per person"),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False, comment="names the member to the others"),
        sa.Column("is_owner", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("joined_at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["rewards.team.team_id"], name=op.f("fk_team_member_team_id_team")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_team_member")),
        sa.UniqueConstraint("member_id", name=op.f("uq_team_member_member_id")),
        schema=_SCHEMA,
    )
    op.create_index("ix_team_member_team", "team_member", ["team_id", "joined_at"], schema=_SCHEMA)
    op.create_index(
        "uq_team_member_owner",
        "team_member",
        ["team_id"],
        unique=True,
        schema=_SCHEMA,
        postgresql_where=sa.text("is_owner"),
    )


def _standing_orders() -> None:
    op.create_table(
        "standing_order",
        sa.Column("standing_order_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the user's own"),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column(
            "day", sa.Integer(), nullable=False, comment="of the month; one that a month does not have is its last"
        ),
        sa.Column("months_left", sa.Integer(), nullable=True, comment="null: until the campaign is over"),
        sa.Column("next_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("amount_mg > 0", name=op.f("ck_standing_order_amount_positive")),
        sa.CheckConstraint("day BETWEEN 1 AND 31", name=op.f("ck_standing_order_day")),
        sa.CheckConstraint("months_left >= 0", name=op.f("ck_standing_order_months_left")),
        sa.CheckConstraint("status IN ('active', 'paused', 'ended')", name=op.f("ck_standing_order_status")),
        sa.CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_standing_order_ended_at")),
        sa.CheckConstraint("(status = 'ended') = (end_reason IS NOT NULL)", name=op.f("ck_standing_order_end_reason")),
        sa.PrimaryKeyConstraint("standing_order_id", name=op.f("pk_standing_order")),
        schema=_SCHEMA,
    )
    for name, columns, is_unique, rows in (
        ("ix_standing_order_due", ["next_on"], False, "status = 'active'"),
        ("ix_standing_order_user", ["user_id", "standing_order_id"], False, None),
        ("ix_standing_order_campaign", ["campaign_id"], False, "status <> 'ended'"),
        ("uq_standing_order_live", ["user_id", "campaign_id"], True, "status <> 'ended'"),
    ):
        where = None if rows is None else sa.text(rows)
        op.create_index(name, "standing_order", columns, unique=is_unique, schema=_SCHEMA, postgresql_where=where)
    op.create_table(
        "standing_run",
        sa.Column("standing_order_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False, comment="its first day: one donation a month, whatever crashes"),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True, comment="why nothing was given in the month"),
        sa.Column("donation_id", sa.Uuid(), nullable=True),
        sa.Column("next_attempt_at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("done_at", _TIME, nullable=True),
        sa.CheckConstraint("extract(day FROM month) = 1", name=op.f("ck_standing_run_month")),
        sa.CheckConstraint("status IN ('running', 'donated', 'skipped')", name=op.f("ck_standing_run_status")),
        sa.CheckConstraint("(status = 'running') = (done_at IS NULL)", name=op.f("ck_standing_run_done_at")),
        sa.CheckConstraint(
            "(status = 'skipped') = (reason_code IS NOT NULL)", name=op.f("ck_standing_run_reason_code")
        ),
        sa.CheckConstraint(
            "(status = 'donated') = (donation_id IS NOT NULL)", name=op.f("ck_standing_run_donation_id")
        ),
        sa.ForeignKeyConstraint(
            ["standing_order_id"],
            ["rewards.standing_order.standing_order_id"],
            name=op.f("fk_standing_run_standing_order_id_standing_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("standing_order_id", "month", name=op.f("pk_standing_run")),
        schema=_SCHEMA,
    )
    op.create_index(
        "ix_standing_run_open",
        "standing_run",
        ["next_attempt_at"],
        schema=_SCHEMA,
        postgresql_where=sa.text("status = 'running'"),
    )


def downgrade() -> None:
    for table in (
        "standing_run",
        "standing_order",
        "team_member",
        "team",
        "enterprise_member",
        "enterprise",
        "donor_name",
    ):
        op.drop_table(table, schema=_SCHEMA)
    op.drop_index("ix_campaign_donor_amount", "campaign_donor", schema=_SCHEMA)
    op.execute("DELETE FROM rewards.campaign_donor WHERE is_enterprise")
    for column in ("pseudonym", "is_enterprise"):
        op.drop_column("campaign_donor", column, schema=_SCHEMA)
    op.alter_column("campaign_donor", "donor_id", new_column_name="user_id", comment=None, schema=_SCHEMA)
    for column in ("team_id", "enterprise_id"):
        op.drop_column("donation", column, schema=_SCHEMA)
    for name in ("kind", "completed", "within_target", "not_negative"):
        op.drop_constraint(op.f(f"ck_campaign_{name}"), "campaign", schema=_SCHEMA)
    op.create_check_constraint(
        op.f("ck_campaign_not_negative"), "campaign", "donated_mg >= 0 AND donors >= 0", schema=_SCHEMA
    )
    op.alter_column("campaign", "donors", comment="people, not donations", schema=_SCHEMA)
    for column in ("closed_at", "completed_at", "version", "reserved_mg", "thanks_en", "thanks_zh", "images", "kind"):
        op.drop_column("campaign", column, schema=_SCHEMA)
