"""Reads everything that posting writes, to compare two ways of posting."""

from typing import Any

import asyncpg

from tests.databases import Dsns

_STATE = (
    (
        "SELECT activity_id, account_id, status, reason_code, amount_mg, judgement->'caps' FROM accounting.activity"
        " ORDER BY activity_id"
    ),
    "SELECT account_id, balance_mg, lifetime_mg FROM accounting.ledger_account WHERE balance_mg <> 0 ORDER BY 1",
    "SELECT subject_id, cap_id, period_start, acts, amount_mg FROM accounting.cap_usage ORDER BY 1, 2, 3",
    "SELECT activity_id, debit_account_id, credit_account_id, amount_mg FROM accounting.posting ORDER BY 1",
    "SELECT partner_id, status, reason_code, events, amount_mg FROM accounting.intake_tally ORDER BY 1, 2, 3",
)


async def ledger_state(dsns: Dsns) -> list[list[tuple[Any, ...]]]:
    connection = await asyncpg.connect(dsns.admin)
    try:
        return [[tuple(row) for row in await connection.fetch(sql)] for sql in _STATE]
    finally:
        await connection.close()
