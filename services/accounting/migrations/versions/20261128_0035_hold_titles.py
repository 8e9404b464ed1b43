"""The title of a hold is whole and bounded.

Revision ID: 0035
Revises: 0034
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_RULES = {
    "title_whole": "(title_zh IS NULL) = (title_en IS NULL)",
    "title_bounded": "char_length(title_zh) <= 200 AND char_length(title_en) <= 200",
}


def upgrade() -> None:
    for name, rule in _RULES.items():
        op.execute(f"ALTER TABLE accounting.hold ADD CONSTRAINT ck_hold_{name} CHECK ({rule}) NOT VALID")
        # The second statement reads the table without locking out its writers.
        op.execute(f"ALTER TABLE accounting.hold VALIDATE CONSTRAINT ck_hold_{name}")


def downgrade() -> None:
    for name in _RULES:
        op.execute(f"ALTER TABLE accounting.hold DROP CONSTRAINT ck_hold_{name}")
