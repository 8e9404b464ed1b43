"""An equation between stored figures that always holds."""

from typing import NamedTuple

from shared.language import Text


class Equation(NamedTuple):
    """One equation between stored figures.

    `sql` returns one number, 0 while the equation holds. `differing` replaces its `count(*)` and lists the rows that
    differ as (name, stored, rebuilt) milligrams. `running` compares what settled in [$1, $2) and the accounts with
    $3 < id <= $4, and stores the drift in `ledger_checkpoint`. The operators' check, `verify ledger` and the nightly
    run check all equations.
    """

    name: str
    sentence: Text
    sql: str
    differing: str | None = None
    running: str | None = None
