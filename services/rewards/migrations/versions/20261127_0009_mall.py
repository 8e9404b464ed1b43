"""The operators' mall: categories, pictures, drafts of items, search, limits in a day, a month and a promotion.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SCHEMA = "rewards"
_SLUG = "^[a-z0-9][a-z0-9-]{0,59}$"
_TEXTS = "title_zh, title_en, description_zh, description_en, category"


def upgrade() -> None:
    _categories_and_pictures()
    _items()
    _search()
    _limits()


def _categories_and_pictures() -> None:
    op.create_table(
        "category",
        sa.Column("category_id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("hidden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(f"category_id ~ '{_SLUG}'", name=op.f("ck_category_slug")),
        sa.PrimaryKeyConstraint("category_id", name=op.f("pk_category")),
        schema=_SCHEMA,
    )
    op.execute("REVOKE DELETE, TRUNCATE ON rewards.category FROM rewards")
    op.create_table(
        "picture",
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the content, lower-case hex; also its address"),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_picture_sha256")),
        sa.CheckConstraint(
            "media_type IN ('image/png', 'image/jpeg', 'image/webp')", name=op.f("ck_picture_media_type")
        ),
        sa.CheckConstraint("octet_length(content) BETWEEN 1 AND 1048576", name=op.f("ck_picture_size")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_picture")),
        schema=_SCHEMA,
    )
    # Pictures are compressed already, and never change.
    op.execute("ALTER TABLE rewards.picture ALTER COLUMN content SET STORAGE EXTERNAL")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON rewards.picture FROM rewards")


def _items() -> None:
    for column in (
        sa.Column("status", sa.Text(), server_default="published", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="raised by every change"),
        sa.Column("value_fen", sa.BigInteger(), comment="the price of one piece in a shop; null: unknown"),
        sa.Column("day_limit", sa.Integer(), comment="pieces per person and local day; null: no limit"),
        sa.Column("month_limit", sa.Integer(), comment="pieces per person and local month; null: no limit"),
        sa.Column("promotion", sa.Text(), comment="a slug: items of one promotion share its limit per person"),
        sa.Column("promotion_limit", sa.Integer(), comment="pieces per person of all items of the promotion"),
        sa.Column("shops", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()")),
    ):
        op.add_column("item", column, schema=_SCHEMA)
    op.execute("UPDATE rewards.item SET published_at = created_at")
    op.execute("UPDATE rewards.item SET status = 'withdrawn' WHERE NOT on_sale")
    op.drop_column("item", "on_sale", schema=_SCHEMA)
    op.alter_column("item", "published_at", comment="null for a draft", schema=_SCHEMA)
    for name, rule in (
        ("status", "status IN ('draft', 'published', 'withdrawn')"),
        ("published_at", "(status = 'draft') = (published_at IS NULL)"),
        ("value_fen", "value_fen >= 0"),
        ("limits", "day_limit > 0 AND month_limit > 0 AND promotion_limit > 0"),
        ("promotion", f"(promotion IS NULL) = (promotion_limit IS NULL) AND promotion ~ '{_SLUG}'"),
    ):
        op.create_check_constraint(op.f(f"ck_item_{name}"), "item", rule, schema=_SCHEMA)


def _search() -> None:
    # One and two characters, because a Chinese word has two. Trigrams cannot find such a word by an index.
    op.execute(
        """
        CREATE FUNCTION rewards.folded(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN lower(normalize(given, NFKC));
        """
    )
    op.execute(
        """
        CREATE FUNCTION rewards.grams_of(given text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT coalesce(array_agg(DISTINCT gram), '{}') FROM (
                SELECT one, one || lead(one) OVER (ORDER BY place) AS two
                FROM unnest(string_to_array(given, NULL)) WITH ORDINALITY AS letter(one, place)) AS pair,
                LATERAL (VALUES (one), (two)) AS found(gram) WHERE gram !~ '[[:space:]]' $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION rewards.item_text(title_zh text, title_en text, description_zh text, description_en text,
            category text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN rewards.folded(title_zh || E'\\n' || title_en || E'\\n' || description_zh || E'\\n' || description_en
            || E'\\n' || category);
        """
    )
    op.execute(
        """
        CREATE FUNCTION rewards.item_grams(title_zh text, title_en text, description_zh text, description_en text,
            category text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN rewards.grams_of(rewards.item_text(title_zh, title_en, description_zh, description_en, category));
        """
    )
    op.add_column(
        "item",
        sa.Column("search_text", sa.Text(), sa.Computed(f"rewards.item_text({_TEXTS})", persisted=True)),
        schema=_SCHEMA,
    )
    op.add_column(
        "item",
        sa.Column(
            "search_grams", postgresql.ARRAY(sa.Text()), sa.Computed(f"rewards.item_grams({_TEXTS})", persisted=True)
        ),
        schema=_SCHEMA,
    )
    op.create_index("ix_item_search", "item", ["search_grams"], schema=_SCHEMA, postgresql_using="gin")
    published = sa.text("status = 'published'")
    op.create_index("ix_item_price", "item", ["price_mg", "item_id"], schema=_SCHEMA, postgresql_where=published)
    op.create_index("ix_item_newest", "item", ["published_at", "item_id"], schema=_SCHEMA, postgresql_where=published)


def _limits() -> None:
    op.create_table(
        "window_taken",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("window_key", sa.Text(), nullable=False, comment="day, month or promotion: see catalogue/domain.py"),
        sa.Column("taken", sa.Integer(), nullable=False, comment="pieces in orders that are not cancelled"),
        sa.Column("limit_quantity", sa.Integer(), nullable=False, comment="the limit when it was last used"),
        sa.CheckConstraint("taken >= 0", name=op.f("ck_window_taken_not_negative")),
        sa.CheckConstraint("taken <= limit_quantity", name=op.f("ck_window_taken_within_limit")),
        sa.PrimaryKeyConstraint("user_id", "window_key", name=op.f("pk_window_taken")),
        schema=_SCHEMA,
    )
    op.add_column(
        "orders",
        sa.Column(
            "windows",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="the keys of window_taken that it counts in, with spaces between them",
        ),
        schema=_SCHEMA,
    )


def downgrade() -> None:
    op.drop_column("orders", "windows", schema=_SCHEMA)
    op.drop_table("window_taken", schema=_SCHEMA)
    for index in ("ix_item_newest", "ix_item_price", "ix_item_search"):
        op.drop_index(index, table_name="item", schema=_SCHEMA)
    op.drop_column("item", "search_grams", schema=_SCHEMA)
    op.drop_column("item", "search_text", schema=_SCHEMA)
    texts = "text, text, text, text, text"
    for function in (f"item_grams({texts})", f"item_text({texts})", "grams_of(text)", "folded(text)"):
        op.execute(f"DROP FUNCTION rewards.{function}")
    op.add_column(
        "item", sa.Column("on_sale", sa.Boolean(), server_default=sa.text("true"), nullable=False), schema=_SCHEMA
    )
    op.execute("UPDATE rewards.item SET on_sale = (status = 'published')")
    for name in ("promotion", "limits", "value_fen", "published_at", "status"):
        op.drop_constraint(op.f(f"ck_item_{name}"), "item", schema=_SCHEMA)
    for column in (
        "published_at",
        "shops",
        "promotion_limit",
        "promotion",
        "month_limit",
        "day_limit",
        "value_fen",
        "version",
        "status",
    ):
        op.drop_column("item", column, schema=_SCHEMA)
    op.drop_table("picture", schema=_SCHEMA)
    op.drop_table("category", schema=_SCHEMA)
