"""The limit of dead letters at which a consumer stops: so many of them mean a bad deployment, not bad records."""

from dataclasses import dataclass

IN_A_ROW_MAX = 100
PERCENT_MAX = 5
# Enough records for a meaningful percentage, few enough to react within seconds.
WINDOW_RECORDS = 2_000
WINDOW_RECORDS_MIN = 1_000


class TooManyDeadLetters(Exception):
    """Nothing of the batch was stored. The consumer stops and its lag grows."""


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """The results of the newest records. Immutable, so that a batch that is rolled back leaves no trace."""

    in_a_row_max: int = IN_A_ROW_MAX
    percent_max: int = PERCENT_MAX
    in_a_row: int = 0
    window: tuple[tuple[int, int], ...] = ()
    """(records, dead letters) of the newest batches, oldest first."""

    def after(self, dead: list[bool]) -> "DeadLetterLimit":
        """Return the state after a batch. `dead` says for each record whether it is a dead letter.

        Raises TooManyDeadLetters, but never for a batch without dead letters: a repaired consumer continues at once.
        """
        in_a_row = self._row_after(dead)
        window = self._window_after((len(dead), sum(dead)))
        records, letters = (sum(column) for column in zip(*window, strict=True))
        if True in dead and records >= WINDOW_RECORDS_MIN and letters * 100 > self.percent_max * records:
            raise TooManyDeadLetters(f"{letters} of the last {records} records are invalid")
        return DeadLetterLimit(self.in_a_row_max, self.percent_max, in_a_row, window)

    def _row_after(self, dead: list[bool]) -> int:
        if True not in dead:
            return 0
        run = self.in_a_row
        for is_dead in dead:
            run = run + 1 if is_dead else 0
            if run > self.in_a_row_max:
                raise TooManyDeadLetters(f"more than {self.in_a_row_max} invalid records in a row")
        return run

    def _window_after(self, batch: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        window = [*self.window, batch]
        total = sum(records for records, _ in window)
        while total - window[0][0] >= WINDOW_RECORDS:
            total -= window.pop(0)[0]
        return tuple(window)
