"""Policy texts by family, consents by partner with an end, and the history of their changes.

Revision ID: 20261127_0010
Revises: 20261127_0007
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0010"
down_revision = "20261127_0009"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_LIVE = sa.text("ended_at IS NULL AND ends_at IS NULL")
_ENDING = sa.text("ended_at IS NULL AND ends_at IS NOT NULL")


def upgrade() -> None:
    _policies()
    _consents()
    _changes()
    _guardians()


def _policies() -> None:
    op.add_column("policy", sa.Column("family", sa.Text(), server_default="general", nullable=False), schema="accounts")
    op.alter_column("policy", "family", server_default=None, schema="accounts")
    op.add_column("policy", sa.Column("renew_by", _TIME, nullable=True), schema="accounts")
    op.drop_constraint("pk_policy", "policy", schema="accounts")
    op.create_primary_key("pk_policy", "policy", ["family", "version"], schema="accounts")
    op.create_check_constraint(op.f("ck_policy_renewal"), "policy", "renew_by > effective_from", schema="accounts")
    # The texts of policies/published.yaml. Clients give these versions for these purposes today.
    op.execute(
        """
        INSERT INTO accounts.policy (family, version, title_zh, title_en, effective_from) VALUES
            ('partner_sharing', '2026-11', '与合作方共享信息的说明', 'Sharing data with partners',
             '2026-01-01 00:00+08'),
            ('location', '2026-11', '位置信息处理说明', 'Processing of places', '2026-01-01 00:00+08'),
            ('health_steps', '2026-11', '微信步数处理说明', 'Processing of WeChat steps', '2026-01-01 00:00+08'),
            ('pooling', '2026-11', '减碳量汇集说明', 'Pooling of reductions', '2026-01-01 00:00+08'),
            ('rankings', '2026-01', '排行榜说明', 'Rankings', '2026-01-01 00:00+08'),
            ('rankings', '2026-11', '排行榜说明（2026 年 11 月）', 'Rankings, November 2026', '2026-11-01 00:00+08'),
            ('messages', '2026-01', '消息提醒说明', 'Messages', '2026-01-01 00:00+08'),
            ('messages', '2026-11', '消息提醒说明（2026 年 11 月）', 'Messages, November 2026', '2026-11-01 00:00+08'),
            ('research', '2026-01', '研究用途说明', 'Research', '2026-01-01 00:00+08'),
            ('research', '2026-11', '研究用途说明（2026 年 11 月）', 'Research, November 2026', '2026-11-01 00:00+08')
        """
    )


def _consents() -> None:
    op.add_column("consent", sa.Column("policy_family", sa.Text(), nullable=True), schema="accounts")
    op.add_column("consent", sa.Column("version", sa.Integer(), nullable=True), schema="accounts")
    op.add_column("consent", sa.Column("ends_at", _TIME, nullable=True), schema="accounts")
    op.execute(
        """
        UPDATE accounts.consent c SET version = n.number,
            policy_family = CASE c.purpose WHEN 'data_processing' THEN 'general' ELSE c.purpose END
        FROM (SELECT consent_id, row_number() OVER (PARTITION BY user_id, purpose ORDER BY consent_id) AS number
              FROM accounts.consent) n
        WHERE n.consent_id = c.consent_id
        """
    )
    # Whoever bound a partner agreed to it. The binding's id is as unique as a consent's, and it is of that time.
    op.execute(
        """
        INSERT INTO accounts.consent (consent_id, user_id, purpose, policy_family, policy_version, version, given_at)
        SELECT binding_id, user_id, 'partner:' || partner_id, 'partner_sharing', '2026-11', 1, since
        FROM accounts.binding WHERE status <> 'ended'
        """
    )
    op.alter_column("consent", "policy_family", nullable=False, schema="accounts")
    op.alter_column("consent", "version", nullable=False, schema="accounts")
    op.drop_constraint("ck_consent_ended_reason", "consent", schema="accounts")
    op.create_check_constraint(
        op.f("ck_consent_ended_reason"),
        "consent",
        "ended_reason IN ('withdrawn', 'superseded', 'expired')",
        schema="accounts",
    )
    op.create_check_constraint(op.f("ck_consent_version"), "consent", "version > 0", schema="accounts")
    op.create_index(
        "ix_consent_text",
        "consent",
        ["policy_family", "policy_version", "consent_id"],
        schema="accounts",
        postgresql_where=_LIVE,
    )
    op.create_index("ix_consent_ends_at", "consent", ["ends_at"], schema="accounts", postgresql_where=_ENDING)


def _changes() -> None:
    op.create_table(
        "consent_change",
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "change IN ('given', 'renewed', 'withdrawn', 'expired')", name=op.f("ck_consent_change_change")
        ),
        sa.CheckConstraint("actor IN ('self', 'guardian', 'policy')", name=op.f("ck_consent_change_actor")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_consent_change_user_id_app_user")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_consent_change")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_consent_change_user_id_change_id"), "consent_change", ["user_id", "change_id"], schema="accounts"
    )
    # A person's history is deleted with the person and changed by nobody.
    op.execute("REVOKE UPDATE, TRUNCATE ON accounts.consent_change FROM accounts")
    # A consent's id is of the time when it was given. That of its end is made from it: no id is of two lines.
    op.execute(
        """
        INSERT INTO accounts.consent_change (change_id, user_id, purpose, policy_version, change, at, actor, channel)
        SELECT consent_id, user_id, purpose, policy_version,
            CASE WHEN version > 1 AND lag(ended_reason) OVER (PARTITION BY user_id, purpose ORDER BY version)
                = 'superseded' THEN 'renewed' ELSE 'given' END,
            given_at, 'self', CASE WHEN purpose LIKE 'partner:%' THEN 'migration' ELSE 'app' END
        FROM accounts.consent
        """
    )
    op.execute(
        """
        INSERT INTO accounts.consent_change (change_id, user_id, purpose, policy_version, change, at, actor, channel)
        SELECT (lpad(to_hex((extract(epoch FROM ended_at) * 1000)::bigint), 12, '0')
                || substr(replace(consent_id::text, '-', ''), 13))::uuid,
            user_id, purpose, policy_version, 'withdrawn', ended_at, 'self', 'app'
        FROM accounts.consent WHERE ended_reason = 'withdrawn'
        ON CONFLICT DO NOTHING
        """
    )


def _guardians() -> None:
    user = ["accounts.app_user.user_id"]
    op.create_table(
        "declared_age",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("turns_14_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], user, name=op.f("fk_declared_age_user_id_app_user")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_declared_age")),
        schema="accounts",
    )
    op.create_table(
        "guardianship",
        sa.Column("guardianship_id", sa.Uuid(), nullable=False),
        sa.Column("ward_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("ward_id <> guardian_id", name=op.f("ck_guardianship_two_people")),
        sa.ForeignKeyConstraint(["ward_id"], user, name=op.f("fk_guardianship_ward_id_app_user")),
        sa.ForeignKeyConstraint(["guardian_id"], user, name=op.f("fk_guardianship_guardian_id_app_user")),
        sa.PrimaryKeyConstraint("guardianship_id", name=op.f("pk_guardianship")),
        schema="accounts",
    )
    op.create_index(
        "uq_guardianship_live",
        "guardianship",
        ["ward_id"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(op.f("ix_guardianship_guardian_id"), "guardianship", ["guardian_id"], schema="accounts")
    op.create_index(op.f("ix_guardianship_ward_id"), "guardianship", ["ward_id"], schema="accounts")
    op.create_table(
        "guardian_code",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("guardianship_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], user, name=op.f("fk_guardian_code_user_id_app_user")),
        sa.ForeignKeyConstraint(
            ["guardianship_id"],
            ["accounts.guardianship.guardianship_id"],
            name=op.f("fk_guardian_code_guardianship_id_guardianship"),
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_guardian_code")),
        schema="accounts",
    )
    for column in ("expires_at", "user_id"):
        op.create_index(op.f(f"ix_guardian_code_{column}"), "guardian_code", [column], schema="accounts")


def downgrade() -> None:
    for table in ("guardian_code", "guardianship", "declared_age"):
        op.drop_table(table, schema="accounts")
    op.drop_table("consent_change", schema="accounts")
    op.drop_index("ix_consent_ends_at", "consent", schema="accounts")
    op.drop_index("ix_consent_text", "consent", schema="accounts")
    op.drop_constraint("ck_consent_version", "consent", schema="accounts")
    op.drop_constraint("ck_consent_ended_reason", "consent", schema="accounts")
    op.execute("DELETE FROM accounts.consent WHERE purpose LIKE 'partner:%' OR ended_reason = 'expired'")
    op.create_check_constraint(
        op.f("ck_consent_ended_reason"), "consent", "ended_reason IN ('withdrawn', 'superseded')", schema="accounts"
    )
    for column in ("ends_at", "version", "policy_family"):
        op.drop_column("consent", column, schema="accounts")
    op.execute("DELETE FROM accounts.policy WHERE family <> 'general'")
    op.drop_constraint("ck_policy_renewal", "policy", schema="accounts")
    op.drop_constraint("pk_policy", "policy", schema="accounts")
    op.drop_column("policy", "renew_by", schema="accounts")
    op.drop_column("policy", "family", schema="accounts")
    op.create_primary_key("pk_policy", "policy", ["version"], schema="accounts")
