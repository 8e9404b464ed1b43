"""Compares the databases with the clients' record and with themselves.

It reads one snapshot through a superuser's connection past every proxy. It has its own sums and joins beside the
service's check, so that a fault in one does not hide in the other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg

from services.accounting.checks import service as checks
from services.rewards.operations import service as operations
from shared.db import Database
from tests.chaos.history import Ack, Event, History

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
EXAMPLES_MAX = 5
_COUNTS = frozenset({"accounts", "postings"})

# Every statement returns 0 on a sound database, at any moment.
INVARIANTS = {
    "grams_conserved": "SELECT coalesce(sum(balance_mg), 0) FROM accounting.ledger_account",
    "balances_are_postings": """
        SELECT count(*) FROM accounting.ledger_account a LEFT JOIN (
            SELECT account_id, sum(mg) AS mg FROM (
                SELECT credit_account_id AS account_id, amount_mg AS mg FROM accounting.posting
                UNION ALL SELECT debit_account_id, -amount_mg FROM accounting.posting) AS sides GROUP BY account_id
        ) s USING (account_id) WHERE a.balance_mg <> coalesce(s.mg, 0)""",
    "credited_twice": """
        SELECT count(*) FROM (SELECT activity_id FROM accounting.posting WHERE kind = 'credit'
                              GROUP BY 1 HAVING count(*) > 1) t""",
    "credits_without_activity": """
        SELECT count(*) FROM accounting.posting p LEFT JOIN accounting.activity a USING (activity_id)
        WHERE p.kind = 'credit' AND (a.activity_id IS NULL OR a.amount_mg <> p.amount_mg
                                     OR a.status NOT IN ('credited', 'pending', 'reversed'))""",
    "credited_without_posting": """
        SELECT count(*) FROM accounting.activity a WHERE a.status IN ('credited', 'pending', 'reversed') AND NOT EXISTS
            (SELECT FROM accounting.posting p WHERE p.kind = 'credit' AND p.activity_id = a.activity_id)""",
    "caps_are_grants": """
        SELECT count(*) FROM accounting.cap_usage u FULL JOIN (
            SELECT a.account_id AS subject_id, c.cap_id, c.period_start, count(*) AS acts, sum(a.amount_mg) AS mg
            FROM accounting.activity a CROSS JOIN LATERAL
                jsonb_to_recordset(a.judgement->'caps') AS c(cap_id text, period_start date)
            WHERE a.status IN ('credited', 'pending') GROUP BY 1, 2, 3
        ) s USING (subject_id, cap_id, period_start)
        WHERE (u.acts, u.amount_mg) IS DISTINCT FROM (s.acts, s.mg::bigint)""",
    "open_holds_without_order": """
        SELECT count(*) FROM accounting.hold h LEFT JOIN (
            SELECT order_id AS id, amount_mg, status FROM rewards.orders
            UNION ALL SELECT donation_id, amount_mg, status FROM rewards.donation) o ON o.id = h.hold_id
        WHERE h.status = 'held' AND (o.id IS NULL OR o.amount_mg <> h.amount_mg
                                     OR o.status NOT IN ('pending', 'cancelling'))""",
    "confirmed_not_captured_once": """
        SELECT count(*) FROM (
            SELECT order_id AS id, amount_mg FROM rewards.orders WHERE status = 'confirmed'
            UNION ALL SELECT donation_id, amount_mg FROM rewards.donation WHERE status = 'confirmed') o
        LEFT JOIN accounting.hold h ON h.hold_id = o.id
        WHERE h.status IS DISTINCT FROM 'captured' OR h.amount_mg <> o.amount_mg OR 1 <> (
            SELECT count(*) FROM accounting.posting p WHERE p.hold_id = o.id AND p.debit_account_id = o.id)""",
    "cancelled_but_captured": """
        SELECT count(*) FROM accounting.hold h JOIN (
            SELECT order_id AS id FROM rewards.orders WHERE status = 'cancelled'
            UNION ALL SELECT donation_id FROM rewards.donation WHERE status = 'cancelled') o ON o.id = h.hold_id
        WHERE h.status IN ('captured', 'held')""",
    "stock_equation": """
        SELECT count(*) FROM rewards.item_stock s WHERE s.available + s.reserved + s.sold <> s.loaded
            OR s.loaded <> (SELECT count(*) FROM rewards.voucher v WHERE v.item_id = s.item_id)
            OR s.sold <> (SELECT coalesce(sum(o.quantity), 0) FROM rewards.orders o
                          WHERE o.item_id = s.item_id AND o.status IN ('confirmed', 'returning'))
            OR s.reserved <> (SELECT coalesce(sum(o.quantity), 0) FROM rewards.orders o
                              WHERE o.item_id = s.item_id AND o.status IN ('pending', 'cancelling'))""",
    "vouchers_are_confirmed_orders": """
        SELECT count(*) FROM (SELECT order_id, count(*) AS n FROM rewards.voucher WHERE order_id IS NOT NULL
                              GROUP BY 1) v
        FULL JOIN (SELECT order_id, quantity FROM rewards.orders WHERE status = 'confirmed') o USING (order_id)
        WHERE v.n IS DISTINCT FROM o.quantity""",
    "campaign_totals": """
        SELECT count(*) FROM rewards.campaign c WHERE c.donated_mg <> (SELECT coalesce(sum(d.amount_mg), 0)
            FROM rewards.donation d WHERE d.campaign_id = c.campaign_id AND d.status = 'confirmed')""",
}


@dataclass
class Verdict:
    """Result of a check. `lost` and `doubled` count acknowledged effects. `problems` describes every fault."""

    verified_events: int = 0
    verified_writes: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.problems

    def add(self, what: str, wrong: Sequence[object]) -> int:
        if wrong:
            self.problems.append(f"{what}: {len(wrong)}, such as {[str(one)[:600] for one in wrong[:EXAMPLES_MAX]]}")
        return len(wrong)


class Checker:
    """`admin_dsn`: URL of the superuser for the platform's database."""

    def __init__(self, admin_dsn: str, history: History) -> None:
        self._dsn = admin_dsn
        self._history = history
        self._reported = 0

    async def find_unposted(self, events: Sequence[Event]) -> list[Event]:
        """Return the events without a visible effect or without a final status."""
        connection = await asyncpg.connect(self._dsn)
        try:
            rows = await connection.fetch(
                "SELECT a.activity_id FROM accounting.activity a WHERE a.activity_id = ANY($1) AND a.status <> 'parked'"
                " AND EXISTS (SELECT FROM ingest.reported_event r WHERE r.event_key = a.activity_id"
                "             AND r.status <> 'received')",
                [event.key for event in events],
            )
        finally:
            await connection.close()
        there = {row["activity_id"] for row in rows}
        return [event for event in events if event.key not in there]

    async def check(self, *, at_rest: bool) -> Verdict:
        """Check everything. `at_rest`: the load has stopped and all is drained, so nothing may be in transit."""
        verdict = Verdict()
        # Copied before the snapshot, which must contain everything acknowledged by now.
        ack = {key: (event.ack, event.copies) for key, event in self._history.events.items()}
        writes = {name: write.ack for name, write in self._history.writes.items()}
        connection = await asyncpg.connect(self._dsn)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                for name, sql in INVARIANTS.items():
                    found = await connection.fetchval(sql)
                    if found:
                        verdict.problems.append(f"{name}: {found}")
                await self._check_events(connection, verdict, ack, at_rest=at_rest)
                await self._check_writes(connection, verdict, writes, at_rest=at_rest)
        finally:
            await connection.close()
        await self._run_service_checks(verdict)
        verdict.add("wrong answers", self._history.wrong_answers[self._reported :])
        self._reported = len(self._history.wrong_answers)
        return verdict

    async def _check_events(
        self, connection: Connection, verdict: Verdict, ack: dict[tuple[str, str], tuple[Ack, int]], *, at_rest: bool
    ) -> None:
        stored = await connection.fetch(
            "SELECT partner_id, event_id, status, reason_code, amount_mg, act FROM accounting.activity"
        )
        rows = {(row["partner_id"], row["event_id"]): row for row in stored}
        verdict.doubled += verdict.add("the inbox has an event twice", [1] * (len(stored) - len(rows)))
        archived = await connection.fetch(
            "SELECT partner_id, event_id, count(*) AS n, bool_and(status = 'received') AS waiting,"
            " max(amount_mg) AS amount_mg FROM ingest.reported_event"
            " WHERE received_at IS NOT NULL GROUP BY 1, 2"
        )
        archive = {(row["partner_id"], row["event_id"]): row for row in archived}
        events = self._history.events
        known = {key: events[key] for key in ack}
        unsent = [key for key in rows if key not in events]
        verdict.add("posted but never sent", unsent)
        refused = [key for key, (what, _) in ack.items() if what is Ack.REJECTED and (key in rows or key in archive)]
        verdict.add("answered rejected, yet there", refused)
        accepted = [key for key, (what, _) in ack.items() if what is Ack.ACCEPTED]
        verdict.verified_events = sum(key in rows for key in accepted)
        if at_rest:
            missing = [key for key in accepted if key not in rows]
            verdict.lost += verdict.add("answered accepted, yet lost", missing)
            unarchived = [key for key in accepted if key not in archive or archive[key]["n"] < known[key].copies]
            verdict.lost += verdict.add("accepted, not archived", unarchived)
            open_ = [key for key in accepted if key in archive and archive[key]["waiting"]]
            verdict.add("archived, verdict never arrived", open_)
        wrong = [
            (key, rows[key]["status"], rows[key]["reason_code"])
            for key in accepted
            if key in rows and rows[key]["status"] != "credited"
            if at_rest or rows[key]["status"] != "parked"
        ]
        verdict.lost += verdict.add("accepted, not credited", wrong)
        others = [key for key in accepted if key in rows and not _same_payload(known[key], rows[key]["act"])]
        verdict.add("posted with another payload", others)

    async def _check_writes(
        self, connection: Connection, verdict: Verdict, writes: dict[str, Ack], *, at_rest: bool
    ) -> None:
        found: dict[str, list[Any]] = {}
        for row in await connection.fetch(
            "SELECT client_request_id AS name, user_id, order_id AS id, status, amount_mg FROM rewards.orders"
            " UNION ALL SELECT idempotency_key, user_id, donation_id, status, amount_mg FROM rewards.donation"
        ):
            found.setdefault(row["name"], []).append(row)
        verdict.verified_writes = sum(ack is Ack.ACCEPTED for ack in writes.values())
        twice = [name for name, rows in found.items() if len(rows) > 1]
        verdict.doubled += verdict.add("a write took effect twice", twice)
        lost, revived, changed, hanging = [], [], [], []
        for name, ack in writes.items():
            write, row = self._history.writes[name], found.get(name, [None])[0]
            if ack is Ack.ACCEPTED and (row is None or row["id"] != write.settlement_id):
                lost.append(name)
            elif row is not None and (row["user_id"], row["amount_mg"]) != (write.user_id, write.amount_mg):
                changed.append(name)
            elif ack is Ack.REJECTED and row is not None and row["status"] == "confirmed":
                revived.append((name, write.refusal))
            if at_rest and row is not None and row["status"] in {"pending", "cancelling", "returning"}:
                hanging.append((name, row["status"]))
        verdict.lost += verdict.add("acknowledged write not there", lost)
        verdict.add("write of another person or amount", changed)
        verdict.add("refused write confirmed", revived)
        verdict.add("neither confirmed nor cancelled", hanging)

    async def _run_service_checks(self, verdict: Verdict) -> None:
        database = Database(self._dsn, pool_size=1, application_name="chaos-checker")
        try:
            async with database.transaction() as session:
                figures = await checks.check_all(session)
            async with database.transaction() as session:
                differences = await checks.list_differences(session)
            async with database.transaction() as session:
                stock = await operations.check_stock(session)
        finally:
            await database.stop()
        verdict.problems += [
            f"ledger check {name}: {value}" for name, value in figures.items() if value and name not in _COUNTS
        ]
        verdict.add("rebuild differs", differences)
        if not stock.ok:
            verdict.problems.append(f"stock check: {stock}")


def _same_payload(event: Event, act: str | None) -> bool:
    """Whether the stored act is the one sent first. Compares the fields that conflicting copies change."""
    stored = json.loads(act or "{}")
    data = event.body["data"]
    return all(stored.get(name) in {data[key], None} for key, name in _COMPARED.items() if key in data)


_COMPARED = {"distance": "distance_m", "count": "count"}
