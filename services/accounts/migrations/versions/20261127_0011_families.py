"""Households: names, owners, rules, claims of meters. Family cards: people without a WeChat identity.

Revision ID: 20261127_0011
Revises: 20261127_0010
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0011"
down_revision = "20261127_0010"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_KIND = "kind IN ('all_agree', 'any_member_up_to')"
_LIMIT = "(kind = 'any_member_up_to') = (limit_mg > 0)"


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = target.split(".", maxsplit=1)[0]
    return sa.ForeignKeyConstraint([column], [f"accounts.{target}"], name=op.f(f"fk_{table}_{column}_{name}"))


def upgrade() -> None:
    _members()
    _rules()
    _meters()
    _cards()
    _codes_and_events()


def _members() -> None:
    op.add_column("household", sa.Column("owner_id", sa.Uuid(), nullable=True), schema="accounts")
    # The opener, if still a member, else the longest-standing member.
    op.execute(
        "UPDATE accounts.household h SET owner_id = (SELECT m.user_id FROM accounts.household_member m"
        " WHERE m.household_id = h.household_id AND m.left_at IS NULL"
        " ORDER BY m.user_id <> h.opened_by, m.joined_at, m.membership_id LIMIT 1)"
    )
    op.add_column("household", sa.Column("name_sealed", sa.LargeBinary(), nullable=True), schema="accounts")
    op.add_column("household_member", sa.Column("ended_by", sa.Text(), nullable=True), schema="accounts")
    op.add_column("household_member", sa.Column("nickname_sealed", sa.LargeBinary(), nullable=True), schema="accounts")
    op.create_check_constraint(
        op.f("ck_household_member_ended_by"),
        "household_member",
        "ended_by IN ('member', 'owner')",
        schema="accounts",
    )
    op.create_table(
        "household_handover",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("offered_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        _refers("household_handover", "household_id", "household.household_id"),
        _refers("household_handover", "membership_id", "household_member.membership_id"),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household_handover")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_household_handover_membership_id"), "household_handover", ["membership_id"], schema="accounts"
    )


def _rules() -> None:
    op.create_table(
        "household_rule",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("limit_mg", sa.BigInteger(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.CheckConstraint(_KIND, name=op.f("ck_household_rule_kind")),
        sa.CheckConstraint(_LIMIT, name=op.f("ck_household_rule_limit")),
        _refers("household_rule", "household_id", "household.household_id"),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household_rule")),
        schema="accounts",
    )
    table = "household_rule_proposal"
    op.create_table(
        table,
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("limit_mg", sa.BigInteger(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint(_KIND, name=op.f(f"ck_{table}_kind")),
        sa.CheckConstraint(_LIMIT, name=op.f(f"ck_{table}_limit")),
        sa.CheckConstraint(
            "status IN ('open', 'accepted', 'refused', 'withdrawn', 'expired')", name=op.f(f"ck_{table}_status")
        ),
        sa.CheckConstraint("(status = 'open') = (ended_at IS NULL)", name=op.f(f"ck_{table}_ended")),
        _refers(table, "household_id", "household.household_id"),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f(f"pk_{table}")),
        schema="accounts",
    )
    op.create_index(
        f"uq_{table}_open",
        table,
        ["household_id"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("status = 'open'"),
    )
    table = "household_rule_agreement"
    op.create_table(
        table,
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("agreed_at", _TIME, nullable=False),
        _refers(table, "proposal_id", "household_rule_proposal.proposal_id"),
        sa.PrimaryKeyConstraint("proposal_id", "membership_id", name=op.f(f"pk_{table}")),
        schema="accounts",
    )


def _meters() -> None:
    op.add_column("household_meter", sa.Column("confirmed_by", sa.Text(), nullable=True), schema="accounts")
    op.create_table(
        "meter_claim",
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("meter_key", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'refused', 'withdrawn', 'expired')", name=op.f("ck_meter_claim_status")
        ),
        sa.CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name=op.f("ck_meter_claim_decided")),
        _refers("meter_claim", "household_id", "household.household_id"),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_meter_claim")),
        schema="accounts",
    )
    pending = sa.text("status = 'pending'")
    op.create_index(
        "uq_meter_claim_pending",
        "meter_claim",
        ["household_id"],
        unique=True,
        schema="accounts",
        postgresql_where=pending,
    )
    op.create_index("ix_meter_claim_due", "meter_claim", ["expires_at"], schema="accounts", postgresql_where=pending)


def _cards() -> None:
    for column in ("openid_hash", "openid_sealed"):
        op.alter_column("app_user", column, nullable=True, existing_type=sa.LargeBinary(), schema="accounts")
    op.create_check_constraint(
        op.f("ck_app_user_identity"), "app_user", "(openid_hash IS NULL) = (openid_sealed IS NULL)", schema="accounts"
    )
    op.create_table(
        "family_card",
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("qr_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("proxy_user_id", sa.Uuid(), nullable=True),
        sa.Column("label_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("limit_mg", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("opened_through", sa.Text(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("window_renewed_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('paper', 'transit')", name=op.f("ck_family_card_kind")),
        sa.CheckConstraint("opened_through IN ('proxy', 'window')", name=op.f("ck_family_card_opened_through")),
        sa.CheckConstraint("ended_reason IN ('ended', 'handed_over')", name=op.f("ck_family_card_ended_reason")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_reason IS NULL) AND (ended_at IS NULL OR qr_sha256 IS NULL)",
            name=op.f("ck_family_card_ended"),
        ),
        sa.PrimaryKeyConstraint("card_id", name=op.f("pk_family_card")),
        sa.UniqueConstraint("user_id", name=op.f("uq_family_card_user_id")),
        sa.UniqueConstraint("qr_sha256", name=op.f("uq_family_card_qr_sha256")),
        schema="accounts",
    )
    op.create_index(op.f("ix_family_card_proxy_user_id"), "family_card", ["proxy_user_id"], schema="accounts")


def _codes_and_events() -> None:
    op.create_table(
        "family_card_code",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.CheckConstraint("purpose IN ('handover', 'proxy')", name=op.f("ck_family_card_code_purpose")),
        _refers("family_card_code", "card_id", "family_card.card_id"),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_family_card_code")),
        schema="accounts",
    )
    op.create_index(op.f("ix_family_card_code_card_id"), "family_card_code", ["card_id"], schema="accounts")
    op.create_index(op.f("ix_family_card_code_expires_at"), "family_card_code", ["expires_at"], schema="accounts")
    op.create_table(
        "family_card_event",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.CheckConstraint("by IN ('proxy', 'window', 'person')", name=op.f("ck_family_card_event_by")),
        _refers("family_card_event", "card_id", "family_card.card_id"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_family_card_event")),
        schema="accounts",
    )
    op.create_index(op.f("ix_family_card_event_card_id"), "family_card_event", ["card_id"], schema="accounts")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounts.family_card_event FROM accounts")


def downgrade() -> None:
    for table in ("family_card_event", "family_card_code", "family_card"):
        op.drop_table(table, schema="accounts")
    op.drop_constraint(op.f("ck_app_user_identity"), "app_user", schema="accounts")
    op.execute("DELETE FROM accounts.app_user WHERE openid_hash IS NULL")
    for column in ("openid_sealed", "openid_hash"):
        op.alter_column("app_user", column, nullable=False, existing_type=sa.LargeBinary(), schema="accounts")
    op.drop_table("meter_claim", schema="accounts")
    op.drop_column("household_meter", "confirmed_by", schema="accounts")
    for table in ("household_rule_agreement", "household_rule_proposal", "household_rule", "household_handover"):
        op.drop_table(table, schema="accounts")
    op.drop_constraint(op.f("ck_household_member_ended_by"), "household_member", schema="accounts")
    op.drop_column("household_member", "nickname_sealed", schema="accounts")
    op.drop_column("household_member", "ended_by", schema="accounts")
    op.drop_column("household", "name_sealed", schema="accounts")
    op.drop_column("household", "owner_id", schema="accounts")
