"""The equation about the walls of the database: triggers, their functions, the chart, and the rights of the service.

The owner of the tables may disable or drop a trigger, replace its function, or add a movement to the chart, and then
change what nobody may change. The walls are compared with this list, so that such a gap is seen while it is open.
A migration that changes a wall changes this list, too.
"""

from collections.abc import Iterable
from typing import Final

from services.accounting.checks.domain import Equation
from services.accounting.ledger.chart import allowed_movements
from shared.language import Text

# Types of trigger as `pg_trigger.tgtype` has them.
_STATEMENT_BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 2, 4, 8, 16, 32
_NEVER_CHANGED: Final = _STATEMENT_BEFORE | _UPDATE | _DELETE | _TRUNCATE
_NEVER_REMOVED: Final = _STATEMENT_BEFORE | _DELETE | _TRUNCATE
_TRIGGERS: Final = (  # table, trigger and function, type, columns of an UPDATE
    *(
        (table, "refuse_change", _NEVER_CHANGED, "")
        for table in (
            "activity_block", "activity_change", "audit_log", "capture_target", "daily_digest", "digest_block",
            "erased_act", "factor", "library_journal", "mended_report", "posting", "record_digest",
        )
    ),
    *(
        (table, "refuse_change", _NEVER_REMOVED, "")
        for table in (
            "activity", "approval", "erasure_task", "gram_year", "hold", "methodology_draft", "methodology_version",
        )
    ),
    ("ledger_account", "refuse_change", _NEVER_CHANGED, "account_id kind code owner_id"),
    ("posting", "check_postings", _INSERT, ""),
    ("activity", "keep_replaced_verdicts", _UPDATE, ""),
)  # fmt: skip
# MD5 of the source of each function: `md5(prosrc)`.
_FUNCTIONS: Final = (
    ("check_postings", "ac78c2c344952d1c08ad36f3ed081119"),
    ("keep_replaced_verdicts", "7165f7f36a51a9d4feffd6da4c0815b8"),
    ("refuse_change", "49a7aab5ef42f896dc96a9facdab9bf4"),
)
_APPEND_ONLY: Final = sorted({table for table, name, _type, _ in _TRIGGERS if name == "refuse_change"})


def _values(rows: Iterable[tuple[str | int, ...]]) -> str:
    return ", ".join(str(row) for row in rows)  # texts without quotes look alike in Python and SQL


_SQL: Final = f"""
SELECT (SELECT count(*) FROM (VALUES {_values(_TRIGGERS)}) AS wall (relation, name, type, columns)
        WHERE NOT EXISTS (
            SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE c.relnamespace = 'accounting'::regnamespace AND c.relname = wall.relation AND t.tgname = wall.name
                AND p.pronamespace = c.relnamespace AND p.proname = wall.name AND t.tgtype = wall.type
                AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL
                AND wall.columns = coalesce((SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) FROM pg_attribute a
                                             WHERE a.attrelid = c.oid AND a.attnum = ANY (t.tgattr)), '')))
    + (SELECT count(*) FROM (VALUES {_values(_FUNCTIONS)}) AS wall (name, source_md5)
       WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'accounting'::regnamespace
                             AND p.proname = wall.name AND md5(p.prosrc) = wall.source_md5))
    + (SELECT count(*) FROM (SELECT kind, debit_kind, credit_kind FROM accounting.posting_rule) r
       FULL JOIN (VALUES {_values(allowed_movements())}) AS chart (kind, debit_kind, credit_kind)
           USING (kind, debit_kind, credit_kind) WHERE r IS NULL OR chart IS NULL)
    + (SELECT count(*) FROM unnest(ARRAY{_APPEND_ONLY}) AS wall (relation)
       WHERE has_table_privilege('accounting', 'accounting.' || relation, 'TRUNCATE'))"""

WALLS: Final = Equation(
    "walls_open",
    Text(
        "数据库的防护都在：触发器、函数、账本章程和服务账号的权限与发布版本一致。",
        "The walls of the database stand: triggers, functions, chart and rights are those of the release.",
    ),
    _SQL,
)
