"""How one operator tries to open, resume or approve in accounts alone. Read with attempts.py."""

from typing import Final

from tests.four_eyes.attempts import BECAUSE, attempt
from tests.four_eyes.conftest import ACCOUNTS, SAMPLE, City

APPROVALS: Final = f"{ACCOUNTS}/approvals"


@attempt("POST", f"{APPROVALS}/{{proposal_id}}/approve")
async def approve(city: City) -> None:
    await city.mark()
    await city.did(404, "POST", f"{APPROVALS}/{SAMPLE}/approve", BECAUSE)


@attempt("POST", f"{APPROVALS}/{{proposal_id}}/reject")
async def reject(city: City) -> None:
    await city.mark()
    await city.did(404, "POST", f"{APPROVALS}/{SAMPLE}/reject", BECAUSE)
