"""Nobody changes or removes the records of operators' look-ups, nor the owner of the tables.

Revision ID: 20261127_0004
Revises: 20261126_0003
"""

from alembic import op

revision = "20261127_0004"
down_revision = "20261126_0003"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION accounts.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is not allowed', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Records of look-ups are only ever added.';
END $$"""


def upgrade() -> None:
    # A grant binds the role of the service only. A statement trigger binds the owner as well, also for TRUNCATE.
    op.execute(_REFUSE)
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts.operator_action"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounts.refuse_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER refuse_change ON accounts.operator_action")
    op.execute("DROP FUNCTION accounts.refuse_change()")
