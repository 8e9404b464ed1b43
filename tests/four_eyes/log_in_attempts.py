"""Operators' routes of accounts: one operator tries to become a second one, or to act without the scope."""

from typing import Final

from tests.four_eyes.attempts import attempt
from tests.four_eyes.conftest import SAMPLE, City

OPS: Final = "/api/v1/accounts/ops"


@attempt("POST", f"{OPS}/log-ins")
async def start_log_in(city: City) -> None:
    await city.mark()
    await city.did(409, "POST", f"{OPS}/log-ins")  # no identity provider is set up


@attempt("POST", f"{OPS}/sessions")
async def log_in(city: City) -> None:
    """No route makes an account: a second one cannot be had over HTTP."""
    await city.mark()
    local = {"method": "local", "name": "second", "password": "guessed-password", "code": "000000"}
    await city.did(401, "POST", f"{OPS}/sessions", local)
    made_up = "x" * 43
    oidc = {"method": "oidc", "code": "x", "state": made_up, "log_in_secret": made_up}
    await city.did(409, "POST", f"{OPS}/sessions", oidc)


@attempt("POST", f"{OPS}/sessions/refresh")
async def refresh(city: City) -> None:
    await city.mark()
    await city.did(401, "POST", f"{OPS}/sessions/refresh", {"refresh_token": "cio_" + "x" * 43})


@attempt("DELETE", f"{OPS}/sessions/current")
async def log_out(city: City) -> None:
    await city.mark()
    await city.did(404, "DELETE", f"{OPS}/sessions/current")


@attempt("DELETE", f"{OPS}/sessions/{{session_id}}")
async def revoke(city: City) -> None:
    """Ending another's session is for `ops:operators`, and ends no proposal."""
    await city.mark()
    await city.did(403, "DELETE", f"{OPS}/sessions/{SAMPLE}?reason=away")


@attempt("POST", f"{OPS}/operators/{{subject}}/disable")
async def disable(city: City) -> None:
    """Switching another one off is for `ops:operators`, and takes only away."""
    await city.mark()
    await city.did(403, "POST", f"{OPS}/operators/local:other/disable", {"reason": "away"})


@attempt("POST", f"{OPS}/freeze-questions/{{question_id}}/answer")
async def answer_question(city: City) -> None:
    """An answer releases nothing: unfreezing is a proposal."""
    await city.mark()
    await city.did(404, "POST", f"{OPS}/freeze-questions/{SAMPLE}/answer", {"text": "released"})


@attempt("POST", f"{OPS}/texts/{{check_id}}/decision")
async def decide_on_text(city: City) -> None:
    """A name moves no grams: one operator of the service desk decides."""
    await city.mark()
    body = {"allow": True, "reason": "looks harmless"}
    await city.did(404, "POST", f"{OPS}/texts/{SAMPLE}/decision", body)
