"""Pure rules of binding by a confirmation at the partner."""

import json
from datetime import timedelta

from services.accounts.authorizations import domain


def test_the_pauses_between_attempts_grow_to_hours_and_end() -> None:
    pauses = [domain.retry_delay(attempt) for attempt in range(1, domain.ATTEMPTS_MAX + 1)]
    assert pauses[0] == timedelta(seconds=30)
    assert pauses[-1] is None
    whole = sum((pause for pause in pauses if pause is not None), timedelta())
    assert timedelta(days=1) < whole < timedelta(days=4)


def test_a_state_is_read_only_in_its_form() -> None:
    assert domain.split_state(json.dumps({"a": 1})) is None
    assert domain.split_state("a.b") == ("a", "b")
