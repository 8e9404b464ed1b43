"""Recognition: acts and their sums, badges, boards with their places, who takes part and who belongs together.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "badge",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("badge_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="1 for the first time"),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("earned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_because", sa.Text(), nullable=True),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_because IS NULL)", name=op.f("ck_badge_withdrawn")),
        sa.CheckConstraint("number > 0", name=op.f("ck_badge_number")),
        sa.PrimaryKeyConstraint("account_id", "badge_id", "number", name=op.f("pk_badge")),
        schema="rewards",
    )
    op.create_index(
        "uq_badge_held",
        "badge",
        ["account_id", "badge_id"],
        unique=True,
        schema="rewards",
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "board",
        sa.Column("board_id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("generation", sa.SmallInteger(), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False, comment="shown; a rebuild fills boards that are not"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="the district or the campaign; empty for the others"),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("members", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("period IN ('week', 'month', 'all')", name=op.f("ck_board_period")),
        sa.CheckConstraint("members >= 0", name=op.f("ck_board_members")),
        sa.PrimaryKeyConstraint("board_id", name=op.f("pk_board")),
        sa.UniqueConstraint(
            "kind",
            "subject",
            "period",
            "starts_on",
            "generation",
            name=op.f("uq_board_kind_subject_period_starts_on_generation"),
        ),
        schema="rewards",
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(
        "uq_board_live",
        "board",
        ["kind", "subject", "period", "starts_on"],
        unique=True,
        schema="rewards",
        postgresql_where=sa.text("is_live"),
    )
    op.create_table(
        "board_class",
        sa.Column("board_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("node", sa.Integer(), autoincrement=False, nullable=False, comment="class and level: see domain.py"),
        sa.Column("scores", sa.Integer(), nullable=False, comment="of the board in this class"),
        sa.CheckConstraint("scores >= 0", name=op.f("ck_board_class_scores")),
        sa.PrimaryKeyConstraint("board_id", "node", name=op.f("pk_board_class")),
        schema="rewards",
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "earned_day",
        sa.Column("generation", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="local"),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("acts", sa.Integer(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("acts > 0 AND amount_mg > 0", name=op.f("ck_earned_day_positive")),
        sa.PrimaryKeyConstraint("generation", "account_id", "day", "scene", name=op.f("pk_earned_day")),
        schema="rewards",
    )
    op.create_table(
        "earned_scene",
        sa.Column("generation", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("acts", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False, comment="with an act of the scene"),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "acts > 0 AND amount_mg > 0 AND days > 0 AND days <= acts", name=op.f("ck_earned_scene_positive")
        ),
        sa.PrimaryKeyConstraint("generation", "account_id", "scene", name=op.f("pk_earned_scene")),
        schema="rewards",
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "earned_total",
        sa.Column("generation", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("acts", sa.Integer(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column(
            "active_days", postgresql.DATEMULTIRANGE(), nullable=False, comment="days with an act; a range is a streak"
        ),
        sa.CheckConstraint(
            "acts > 0 AND amount_mg > 0 AND NOT isempty(active_days)", name=op.f("ck_earned_total_positive")
        ),
        sa.PrimaryKeyConstraint("generation", "account_id", name=op.f("pk_earned_total")),
        schema="rewards",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_earned_total_account", "earned_total", ["account_id"], unique=False, schema="rewards")
    op.create_table(
        "group_member",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the person's"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("membership_id", name=op.f("pk_group_member")),
        schema="rewards",
    )
    op.create_index("ix_group_member_group", "group_member", ["group_id"], unique=False, schema="rewards")
    op.create_index("ix_group_member_person", "group_member", ["account_id"], unique=False, schema="rewards")
    op.create_table(
        "member_group",
        sa.Column("group_id", sa.Uuid(), nullable=False, comment="household_id or enterprise_id"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the group's own carbon account"),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False, comment="of an enterprise"),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.CheckConstraint("kind IN ('household', 'enterprise')", name=op.f("ck_member_group_kind")),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_member_group")),
        sa.UniqueConstraint("account_id", name=op.f("uq_member_group_account_id")),
        schema="rewards",
    )
    op.create_table(
        "ranking_consent",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True, comment="may lie in the future"),
        sa.Column("is_over", sa.Boolean(), server_default="false", nullable=False, comment="the end was acted upon"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_ranking_consent")),
        schema="rewards",
    )
    op.create_index(
        "ix_ranking_consent_ending",
        "ranking_consent",
        ["ends_at"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("ends_at IS NOT NULL AND NOT is_over"),
    )
    op.create_table(
        "ranking_participant",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("pseudonym", sa.Integer(), nullable=False, comment="counts through the words of pseudonyms.yaml"),
        sa.Column("district", sa.Text(), nullable=True, comment="a code of districts.yaml"),
        sa.Column("joined_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("pseudonym >= 0", name=op.f("ck_ranking_participant_pseudonym")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_ranking_participant")),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_ranking_participant_pseudonym")),
        schema="rewards",
    )
    op.create_table(
        "recognised_act",
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="of the newest verdict"),
        sa.Column("account_id", sa.Uuid(), nullable=True, comment="whose act counts; null while none does"),
        sa.Column("scene", sa.Text(), nullable=True),
        sa.Column("amount_mg", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("day", sa.Date(), nullable=True, comment="local; null until a verdict told it"),
        sa.Column(
            "day_sequence", sa.Integer(), server_default="0", nullable=False, comment="of the verdict that told the day"
        ),
        sa.CheckConstraint("(account_id IS NULL) = (scene IS NULL)", name=op.f("ck_recognised_act_scene")),
        sa.CheckConstraint(
            "CASE WHEN account_id IS NULL THEN amount_mg = 0 ELSE amount_mg > 0 END",
            name=op.f("ck_recognised_act_amount"),
        ),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_recognised_act")),
        schema="rewards",
    )
    op.create_index(
        "ix_recognised_act_account",
        "recognised_act",
        ["account_id", "day"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_table(
        "recognised_donation",
        sa.Column("donation_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="of the person who gave, whosever grams they were"),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="local"),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_mg > 0", name=op.f("ck_recognised_donation_amount")),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_recognised_donation")),
        schema="rewards",
    )
    op.create_index(
        "ix_recognised_donation_account", "recognised_donation", ["account_id"], unique=False, schema="rewards"
    )
    op.create_table(
        "recognition_due",
        sa.Column("due_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('account', 'group')", name=op.f("ck_recognition_due_kind")),
        sa.PrimaryKeyConstraint("due_id", name=op.f("pk_recognition_due")),
        schema="rewards",
    )
    op.create_index("ix_recognition_due_subject", "recognition_due", ["subject"], unique=False, schema="rewards")
    op.create_table(
        "recognition_state",
        sa.Column("single", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("live", sa.SmallInteger(), server_default="0", nullable=False, comment="the generation that is read"),
        sa.Column("building", sa.SmallInteger(), nullable=True, comment="the generation that a rebuild fills"),
        sa.Column(
            "built_through",
            sa.Uuid(),
            nullable=True,
            comment="accounts up to this one are in it and follow new verdicts",
        ),
        sa.Column(
            "sweep_after", sa.Uuid(), nullable=True, comment="accounts behind this one have to be refreshed; null: none"
        ),
        sa.Column(
            "rules_sha256", sa.Text(), server_default="", nullable=False, comment="of the badges of the last sweep"
        ),
        sa.CheckConstraint("building IS DISTINCT FROM live", name=op.f("ck_recognition_state_building")),
        sa.CheckConstraint(
            "built_through IS NULL OR building IS NOT NULL", name=op.f("ck_recognition_state_built_through")
        ),
        sa.CheckConstraint("single = 1", name=op.f("ck_recognition_state_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_recognition_state")),
        schema="rewards",
    )
    op.create_table(
        "standing",
        sa.Column("member", sa.Uuid(), nullable=False, comment="a person's account, a household or an enterprise"),
        sa.Column("board_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("score_mg", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False, comment="class of the score in the histogram"),
        sa.Column("alias", sa.Integer(), nullable=False, comment="the pseudonym; equal scores are listed by it"),
        sa.CheckConstraint("score_mg > 0", name=op.f("ck_standing_score")),
        sa.PrimaryKeyConstraint("member", "board_id", name=op.f("pk_standing")),
        schema="rewards",
    )
    op.create_index(
        "ix_standing_order",
        "standing",
        ["board_id", "score_mg", "alias", "member"],
        unique=False,
        schema="rewards",
        postgresql_include=["code"],
    )


def downgrade() -> None:
    op.drop_index("ix_standing_order", table_name="standing", schema="rewards", postgresql_include=["code"])
    op.drop_table("standing", schema="rewards")
    op.drop_table("recognition_state", schema="rewards")
    op.drop_index("ix_recognition_due_subject", table_name="recognition_due", schema="rewards")
    op.drop_table("recognition_due", schema="rewards")
    op.drop_index("ix_recognised_donation_account", table_name="recognised_donation", schema="rewards")
    op.drop_table("recognised_donation", schema="rewards")
    op.drop_index(
        "ix_recognised_act_account",
        table_name="recognised_act",
        schema="rewards",
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.drop_table("recognised_act", schema="rewards")
    op.drop_table("ranking_participant", schema="rewards")
    op.drop_index(
        "ix_ranking_consent_ending",
        table_name="ranking_consent",
        schema="rewards",
        postgresql_where=sa.text("ends_at IS NOT NULL AND NOT is_over"),
    )
    op.drop_table("ranking_consent", schema="rewards")
    op.drop_table("member_group", schema="rewards")
    op.drop_index("ix_group_member_person", table_name="group_member", schema="rewards")
    op.drop_index("ix_group_member_group", table_name="group_member", schema="rewards")
    op.drop_table("group_member", schema="rewards")
    op.drop_index("ix_earned_total_account", table_name="earned_total", schema="rewards")
    op.drop_table("earned_total", schema="rewards")
    op.drop_table("earned_scene", schema="rewards")
    op.drop_table("earned_day", schema="rewards")
    op.drop_table("board_class", schema="rewards")
    op.drop_index("uq_board_live", table_name="board", schema="rewards", postgresql_where=sa.text("is_live"))
    op.drop_table("board", schema="rewards")
    op.drop_index(
        "uq_badge_held", table_name="badge", schema="rewards", postgresql_where=sa.text("withdrawn_at IS NULL")
    )
    op.drop_table("badge", schema="rewards")
