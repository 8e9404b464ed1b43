"""An equation that always holds in this service's tables."""

from typing import NamedTuple

from shared.language import Text


class Equation(NamedTuple):
    """One equation between stored figures.

    `sql` gives one number, 0 while the equation holds. `differing` replaces its `count(*)` to list the rows that differ
    as (name, stored, rebuilt) milligrams. `running` compares only what settled in [$1, $2) and notes the drift in
    `ledger_checkpoint`; equations without it are checked by the operator's check, `verify ledger` and the nightly run.
    """

    name: str
    sentence: Text
    sql: str
    differing: str | None = None
    running: str | None = None
