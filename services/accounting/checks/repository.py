"""All equations of the service with their SQL, and the SQL that runs them. Reads the tables of every room.

A new equation is one entry in `EQUATIONS`. The operators' check, the running check and `verify ledger` use this list.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.checks.domain import Equation
from services.accounting.checks.walls_repository import WALLS
from shared.db import LONG_READ_S, Connection, driver
from shared.language import Text

# The account that an activity credited: the household's if the judgement has `credited_to`.
_HOLDER: Final = "coalesce((judgement->>'credited_to')::uuid, account_id)"

# `shared.contracts.identity.event_key` in SQL, without the marks of a UUID.
_ID_HASH: Final = r"""substring(sha256(convert_to('carbon-inclusion/event/v1', 'UTF8') || '\x00'::bytea
    || convert_to(partner_id, 'UTF8') || '\x00'::bytea || convert_to(event_id, 'UTF8')) FOR 16)"""

_FIRST_ID: Final = uuid.UUID(int=0)

# One statement reads one snapshot. Everything before the new mark ($2) has settled. Postings at or after it are
# subtracted from the balances, so that both sides contain the same postings. The statement compares the accounts that
# moved since the old mark ($1), those that differ already, and one step of the sweep: those above $3 up to $4.
# An account older than the first run and without a checkpoint waits for its step, which sums all its postings. Only an
# issuance account is accepted as it is: its debits, one for every credit, have no index.
_BALANCES_RUNNING: Final = """
WITH sides AS (
    SELECT credit_account_id AS account_id, posted_at, amount_mg AS mg FROM accounting.posting WHERE posted_at >= $1
    UNION ALL SELECT debit_account_id, posted_at, -amount_mg FROM accounting.posting WHERE posted_at >= $1
), moved AS (
    SELECT account_id, coalesce(sum(mg) FILTER (WHERE posted_at < $2), 0) AS before_mg,
        coalesce(sum(mg) FILTER (WHERE posted_at >= $2), 0) AS after_mg, bool_or(posted_at < $2) AS touched
    FROM sides GROUP BY account_id
), looked_at AS (
    SELECT account_id FROM moved WHERE touched
    UNION SELECT account_id FROM accounting.ledger_checkpoint WHERE drift_mg <> 0
    UNION SELECT account_id FROM accounting.ledger_account WHERE account_id > $3 AND account_id <= $4
), compared AS (
    SELECT account_id, coalesce(a.balance_mg, 0) - coalesce(m.after_mg, 0) AS actual_mg,
        CASE WHEN c.account_id IS NOT NULL THEN c.postings_mg + coalesce(m.before_mg, 0)
             WHEN a.created_at >= s.began_at OR a.account_id IS NULL THEN coalesce(m.before_mg, 0)
             WHEN a.kind = 'issuance' THEN a.balance_mg - coalesce(m.after_mg, 0)
             WHEN account_id > $3 AND account_id <= $4 THEN
                 (SELECT coalesce(sum(p.amount_mg), 0) FROM accounting.posting p
                  WHERE p.credit_account_id = a.account_id AND p.posted_at < $2)
                 - (SELECT coalesce(sum(p.amount_mg), 0) FROM accounting.posting p
                    WHERE p.debit_account_id = a.account_id AND p.kind <> 'credit' AND p.posted_at < $2)
        END AS expected_mg, c.postings_mg AS known_mg, c.drift_mg
    FROM looked_at CROSS JOIN accounting.ledger_check_state s
    LEFT JOIN moved m USING (account_id) LEFT JOIN accounting.ledger_account a USING (account_id)
    LEFT JOIN accounting.ledger_checkpoint c USING (account_id)
)
INSERT INTO accounting.ledger_checkpoint AS c (account_id, postings_mg, drift_mg)
SELECT account_id, expected_mg, actual_mg - expected_mg FROM compared
WHERE expected_mg IS NOT NULL AND (known_mg, drift_mg) IS DISTINCT FROM (expected_mg, actual_mg - expected_mg)
ON CONFLICT (account_id) DO UPDATE SET postings_mg = EXCLUDED.postings_mg, drift_mg = EXCLUDED.drift_mg"""


class SweepStep(NamedTuple):
    """The accounts above `after` up to `upto`."""

    after: uuid.UUID
    upto: uuid.UUID
    is_last: bool


SIZES: Final = {
    "accounts": "SELECT count(*) FROM accounting.ledger_account",
    "postings": "SELECT count(*) FROM accounting.posting",
}

EQUATIONS: Final = (
    Equation(
        "balances_sum_mg",
        Text("所有账户余额之和为零。", "All balances add up to zero."),
        "SELECT coalesce(sum(balance_mg), 0) FROM accounting.ledger_account",
    ),
    Equation(
        "balances_differing",
        Text("每个账户的余额等于其入账之和。", "Every balance equals the sum of its postings."),
        """
        SELECT count(*) FROM accounting.ledger_account a FULL JOIN (
            SELECT account_id, sum(amount_mg) AS mg FROM (
                SELECT credit_account_id AS account_id, amount_mg FROM accounting.posting
                UNION ALL SELECT debit_account_id, -amount_mg FROM accounting.posting) p GROUP BY account_id
        ) s USING (account_id) WHERE coalesce(a.balance_mg, 0) <> coalesce(s.mg, 0)""",
        differing="account_id::text AS name, coalesce(a.balance_mg, 0) AS stored, coalesce(s.mg, 0) AS rebuilt",
        running=_BALANCES_RUNNING,
    ),
    Equation(
        "holds_differing",
        Text(
            "冻结账户的余额等于冻结数量，结束后为零。",
            "The account of a hold has its amount while it is held, then zero.",
        ),
        """
        SELECT count(*) FROM accounting.hold h LEFT JOIN accounting.ledger_account a ON a.account_id = h.hold_id
        WHERE coalesce(a.balance_mg, 0) <> CASE WHEN h.status = 'held' THEN h.amount_mg ELSE 0 END""",
    ),
    Equation(
        "captures_differing",
        Text(
            "每个兑换、捐赠账户的余额等于扣划到它的冻结之和。",
            "Every balance of spent or donated grams equals the holds captured to it.",
        ),
        """
        SELECT count(*) FROM (SELECT captured_to AS code, sum(amount_mg) AS mg FROM accounting.hold
                              WHERE status = 'captured' GROUP BY 1) h
        FULL JOIN (SELECT code, balance_mg FROM accounting.ledger_account WHERE kind IN ('redeemed', 'donated')) a
            USING (code)
        WHERE coalesce(h.mg, 0) <> coalesce(a.balance_mg, 0)""",
    ),
    Equation(
        "caps_differing",
        Text(
            "每个上限计数等于计入它的行为之和。",
            "Every cap counter equals the sum of the credited activities that name it.",
        ),
        """
        SELECT count(*) FROM accounting.cap_usage u FULL JOIN (
            SELECT coalesce(c.subject_id, a.account_id) AS subject_id, c.cap_id, c.period_start, count(*) AS acts,
                sum(a.amount_mg) AS mg
            FROM accounting.activity a CROSS JOIN LATERAL
                jsonb_to_recordset(a.judgement->'caps') AS c(subject_id uuid, cap_id text, period_start date)
            WHERE a.status IN ('credited', 'pending') GROUP BY 1, 2, 3
        ) s USING (subject_id, cap_id, period_start)
        WHERE coalesce(u.acts, 0) <> coalesce(s.acts, 0) OR coalesce(u.amount_mg, 0) <> coalesce(s.mg, 0)""",
        differing="concat_ws(' ', subject_id, cap_id, period_start) AS name, coalesce(u.amount_mg, 0) AS stored, "
        "coalesce(s.mg, 0) AS rebuilt",
    ),
    Equation(
        "counted_differing",
        Text(
            "每个已计入的单号、电表和车辆时段都属于一条已计入的行为，且没有重复计入。",
            "Every counted number, meter and vehicle belongs to a credited activity, and none is counted twice.",
        ),
        """
        SELECT (SELECT count(*) FROM (SELECT activity_id FROM accounting.counted_number
                                      UNION ALL SELECT activity_id FROM accounting.counted_use) c
                LEFT JOIN accounting.activity a USING (activity_id)
                WHERE a.status IS NULL OR a.status NOT IN ('credited', 'pending'))
            + (SELECT count(*) FROM (
                   SELECT CASE WHEN act->>'natural_key' ~ '^[0-9a-f]{32}$'
                   THEN ('x' || left(act->>'natural_key', 16))::bit(64)::bigint # (1::bigint << 63) END AS number_key
                   FROM accounting.activity WHERE status IN ('credited', 'pending')) a
               LEFT JOIN accounting.counted_number n USING (number_key)
               WHERE a.number_key IS NOT NULL AND n.activity_id IS NULL)
            + (SELECT count(*) FROM accounting.activity a
               WHERE status IN ('credited', 'pending') AND (act ? 'meter_key' OR act ? 'vehicle_key')
                   AND NOT EXISTS (SELECT FROM accounting.counted_use u WHERE u.activity_id = a.activity_id
                       AND u.use_key = coalesce(act->>'meter_key', act->>'vehicle_key')::uuid))
            + (SELECT count(*) FROM accounting.counted_use u JOIN accounting.counted_use o ON o.use_key = u.use_key
               AND o.activity_id <> u.activity_id AND u.people = 1
               AND least(u.ended_at, o.ended_at) - greatest(u.started_at, o.started_at) > interval '60 seconds')""",
    ),
    Equation(
        "credited_differing",
        Text(
            "每条已计入的行为恰有一笔同额入账，记在应得的账户。",
            "Every credited activity has one posting of the same amount to the account that earned it.",
        ),
        f"""
        SELECT count(*) FROM (SELECT activity_id, amount_mg, {_HOLDER} AS account_id FROM accounting.activity
                              WHERE status IN ('credited', 'pending', 'reversed')) a
        FULL JOIN (SELECT p.activity_id, p.amount_mg, coalesce(l.owner_id, p.credit_account_id) AS account_id
                   FROM accounting.posting p LEFT JOIN accounting.ledger_account l
                       ON l.account_id = p.credit_account_id AND l.kind = 'pending' WHERE p.kind = 'credit') p
            USING (activity_id)
        WHERE a.amount_mg IS DISTINCT FROM p.amount_mg OR a.account_id IS DISTINCT FROM p.account_id""",
    ),
    Equation(
        "vesting_differing",
        Text(
            "待生效的行为与待生效队列、入账一一对应。",
            "Pending activities, the vesting queue and the postings name the same acts.",
        ),
        """
        SELECT count(*) FROM (SELECT activity_id FROM accounting.activity WHERE status = 'pending') a
        FULL JOIN accounting.vesting v USING (activity_id)
        FULL JOIN (SELECT p.activity_id, v.posting_id FROM accounting.posting p
                   JOIN accounting.ledger_account l ON l.account_id = p.credit_account_id AND l.kind = 'pending'
                   LEFT JOIN accounting.posting v ON v.activity_id = p.activity_id AND (v.kind = 'vest'
                        OR v.kind = 'reversal' AND v.debit_account_id = l.account_id)
                   WHERE p.kind = 'credit') p ON p.activity_id = coalesce(a.activity_id, v.activity_id)
        WHERE (a.activity_id IS NULL) <> (v.activity_id IS NULL)
            OR (a.activity_id IS NULL) <> (p.activity_id IS NULL OR p.posting_id IS NOT NULL)""",
    ),
    Equation(
        "pending_differing",
        Text(
            "待生效余额等于待生效行为之和。",
            "Every pending balance equals the sum of the pending activities of its owner.",
        ),
        f"""
        SELECT count(*) FROM (SELECT {_HOLDER} AS account_id, sum(amount_mg) AS mg FROM accounting.activity
                              WHERE status = 'pending' GROUP BY 1) a
        FULL JOIN (SELECT owner_id AS account_id, balance_mg FROM accounting.ledger_account WHERE kind = 'pending') l
            USING (account_id)
        WHERE coalesce(a.mg, 0) <> coalesce(l.balance_mg, 0)""",
    ),
    Equation(
        "reversed_differing",
        Text(
            "每条已撤销的行为恰好撤销一次、金额相同。", "Every reversed activity is reversed once, by its full amount."
        ),
        """
        SELECT count(*) FROM (SELECT activity_id, amount_mg FROM accounting.activity WHERE status = 'reversed') a
        FULL JOIN (SELECT activity_id, sum(amount_mg) AS mg FROM accounting.posting WHERE kind = 'reversal' GROUP BY 1)
            p USING (activity_id)
        WHERE a.amount_mg IS DISTINCT FROM p.mg""",
    ),
    Equation(
        "expired_differing",
        Text(
            "每年到期的减碳量等于其到期入账。",
            "The expired grams of a person and year equal the sum of their postings.",
        ),
        """
        SELECT count(*) FROM (SELECT account_id, 'expired:' || year AS code, expired_mg FROM accounting.gram_year
                              WHERE expired_mg > 0) g
        FULL JOIN (SELECT p.debit_account_id AS account_id, l.code, sum(p.amount_mg) AS mg FROM accounting.posting p
                   JOIN accounting.ledger_account l ON l.account_id = p.credit_account_id
                   WHERE p.kind = 'expire' GROUP BY 1, 2) p USING (account_id, code)
        WHERE g.expired_mg IS DISTINCT FROM p.mg""",
    ),
    Equation(
        "debts_unpaid",
        Text("有可用减碳量的人没有欠额。", "No owner has available grams and a debt."),
        """
        SELECT count(*) FROM accounting.ledger_account d JOIN accounting.ledger_account p ON p.account_id = d.owner_id
        WHERE d.kind = 'debt' AND d.balance_mg < 0 AND p.balance_mg > 0""",
    ),
    Equation(
        "lifetime_differing",
        Text(
            "累计减碳量等于已计入行为之和。", "Every lifetime equals the sum of the credited activities of its owner."
        ),
        f"""
        SELECT count(*) FROM (SELECT {_HOLDER} AS account_id, sum(amount_mg) AS mg FROM accounting.activity
                              WHERE status IN ('credited', 'pending') GROUP BY 1) a
        FULL JOIN accounting.ledger_account l USING (account_id)
        WHERE coalesce(a.mg, 0) <> coalesce(l.lifetime_mg, 0)""",
    ),
    Equation(
        "outside_chart",
        Text("每笔入账都是账本章程允许的划转。", "Every posting is a movement that the chart allows."),
        """
        SELECT count(*) FROM accounting.posting p
        LEFT JOIN accounting.ledger_account d ON d.account_id = p.debit_account_id
        LEFT JOIN accounting.ledger_account c ON c.account_id = p.credit_account_id
        LEFT JOIN accounting.posting_rule r ON (r.kind, r.debit_kind, r.credit_kind) = (p.kind, d.kind, c.kind)
        WHERE r.kind IS NULL""",
    ),
    Equation(
        "freezes_differing",
        Text("账户冻结与否与审计日志的最后一条一致。", "An account is frozen if the audit log says so last."),
        """
        SELECT count(*) FROM (SELECT account_id::text AS name FROM accounting.ledger_account
                              WHERE frozen_at IS NOT NULL) f
        FULL JOIN (SELECT DISTINCT ON (object) object AS name, action FROM accounting.audit_log
                   WHERE action IN ('account.freeze', 'account.unfreeze') ORDER BY object, at DESC, entry_id DESC) l
            USING (name)
        WHERE (f.name IS NOT NULL) <> (coalesce(l.action, '') = 'account.freeze')""",
    ),
    Equation(
        "origins_differing",
        Text(
            "每条行为的编号由合作方和事件编号算出，时间与上报的内容一致。",
            "The id of every activity follows from partner and event, its times are the reported ones.",
        ),
        f"""
        SELECT count(*) FROM (SELECT *, {_ID_HASH} AS id_hash FROM accounting.activity) a
        WHERE encode(set_byte(set_byte(id_hash, 6, get_byte(id_hash, 6) & 15 | 128),
                              8, get_byte(id_hash, 8) & 63 | 128), 'hex')::uuid <> activity_id
            OR (act IS NOT NULL AND (occurred_at, ended_at) IS DISTINCT FROM
                ((act->>'started_at')::timestamptz, (act->>'ended_at')::timestamptz))""",
    ),
    WALLS,
)

# Limits of an auditor's connection. A check may be slow and use memory, because nobody waits for its locks.
AUDIT_TIMEOUT_S: Final = 1800
# The client waits 10 s longer than the server, so the error reported is the server's.
AUDIT_WAIT_S: Final = AUDIT_TIMEOUT_S + 10.0


async def begin_snapshot(session: AsyncSession) -> None:
    """Make all statements of the transaction read one snapshot and write nothing."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


async def allow_long_reads(session: AsyncSession) -> None:
    """Raise the limits of time and memory until the end of the transaction."""
    await session.execute(text(f"SET LOCAL statement_timeout = '{AUDIT_TIMEOUT_S}s'"))
    await session.execute(text("SET LOCAL work_mem = '128MB'"))


async def figure(session: AsyncSession, sql: str, *, timeout_s: float = LONG_READ_S) -> int:
    connection = await driver(session)
    return int(await connection.fetchval(sql, timeout=timeout_s) or 0)


async def differences(connection: Connection, equation: Equation, limit: int) -> Sequence[Any]:
    """Return the rows that differ for an equation with `differing`: (name, stored, rebuilt) milligrams."""
    listing = equation.sql.replace("SELECT count(*)", f"SELECT {equation.differing}", 1)
    rows: Sequence[Any] = await connection.fetch(f"{listing} ORDER BY 1 LIMIT $1", limit, timeout=AUDIT_WAIT_S)
    return rows


async def begin_checking(connection: Connection, moment: datetime) -> None:
    await connection.execute(
        "INSERT INTO accounting.ledger_check_state (began_at, checked_before) VALUES ($1, $1) ON CONFLICT DO NOTHING",
        moment,
    )


async def checked_before(connection: Connection) -> datetime:
    moment: datetime = await connection.fetchval("SELECT checked_before FROM accounting.ledger_check_state")
    return moment


async def next_sweep_step(connection: Connection, *, accounts_min: int, steps_max: int) -> SweepStep:
    """Return the next accounts in the order of their ids: so many that `steps_max` steps reach all of them."""
    ((after, size),) = await connection.fetch(
        "SELECT s.swept_to, greatest($1::bigint, ceil(c.reltuples / $2::int)::bigint)"
        " FROM accounting.ledger_check_state s, pg_class c WHERE c.oid = 'accounting.ledger_account'::regclass",
        accounts_min,
        steps_max,
    )
    ((found, upto),) = await connection.fetch(
        "SELECT count(*), (array_agg(account_id ORDER BY account_id DESC))[1] FROM (SELECT account_id"
        " FROM accounting.ledger_account WHERE account_id > $1 ORDER BY account_id LIMIT $2) AS step",
        after,
        size,
    )
    return SweepStep(after, upto or after, is_last=found < size)


async def run_increment(connection: Connection, sql: str, begin: datetime, end: datetime, step: SweepStep) -> None:
    await connection.execute(sql, begin, end, step.after, step.upto, timeout=LONG_READ_S)


async def move_mark(connection: Connection, moment: datetime, step: SweepStep) -> None:
    """Move the mark of the increments and the place of the sweep, which begins again after its last step."""
    await connection.execute(
        "UPDATE accounting.ledger_check_state SET checked_before = $1, swept_to = $2,"
        " swept_at = CASE WHEN $3 THEN clock_timestamp() ELSE swept_at END",
        moment,
        _FIRST_ID if step.is_last else step.upto,
        step.is_last,
    )


async def sweep_age_s(connection: Connection) -> int:
    return int(
        await connection.fetchval(
            "SELECT extract(epoch FROM clock_timestamp() - coalesce(swept_at, began_at))"
            " FROM accounting.ledger_check_state"
        )
    )


async def drift_mg(connection: Connection) -> int:
    return int(
        await connection.fetchval(
            "SELECT coalesce(sum(abs(drift_mg)), 0) FROM accounting.ledger_checkpoint WHERE drift_mg <> 0"
        )
    )
