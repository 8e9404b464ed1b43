"""SQL that writes the chart of accounts into the database. Runs as the owner of the schema."""

from sqlalchemy import Connection, inspect
from sqlalchemy.dialects.postgresql import insert

from services.accounting.database import SCHEMA
from services.accounting.ledger.chart import allowed_movements
from services.accounting.ledger.models import posting_rule


def write_chart(connection: Connection) -> None:
    """Add the movements that the database does not list yet. None is deleted, because old postings keep their rule.

    Does nothing before the migration that creates the table.
    """
    if not inspect(connection).has_table(posting_rule.name, schema=SCHEMA):
        return
    rows = [
        {"kind": kind, "debit_kind": debit_kind, "credit_kind": credit_kind}
        for kind, debit_kind, credit_kind in allowed_movements()
    ]
    connection.execute(insert(posting_rule).values(rows).on_conflict_do_nothing())
