"""How one operator tries to become a second one, to act without the scope, or to take sessions or family cards."""

from typing import Final

from tests.four_eyes.attempts import attempt
from tests.four_eyes.conftest import ALONE, SAMPLE, City

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


@attempt("POST", f"{OPS}/operators/{{subject}}/give-role")
async def give_role(city: City) -> None:
    """More scopes for a friend, or for oneself: it is for `ops:operators`, and never about oneself."""
    await city.mark()
    for subject in ("local:other", ALONE):
        body = {"role": "programme-lead", "reason": "needs it"}
        await city.did(403, "POST", f"{OPS}/operators/{subject}/give-role", body)


@attempt("POST", f"{OPS}/operators/{{subject}}/take-role")
async def take_role(city: City) -> None:
    await city.mark()
    body = {"role": "ledger", "reason": "in the way"}
    await city.did(403, "POST", f"{OPS}/operators/local:other/take-role", body)


@attempt("POST", f"{OPS}/freeze-questions/{{question_id}}/answer")
async def answer_question(city: City) -> None:
    """An answer releases nothing: unfreezing is a proposal."""
    await city.mark()
    await city.did(404, "POST", f"{OPS}/freeze-questions/{SAMPLE}/answer", {"text": "released"})


@attempt("POST", f"{OPS}/texts/{{check_id}}/decision")
async def decide_on_text(city: City) -> None:
    """A name moves no grams: one operator of the service desk (`ops:accounts`) decides on a text that waits."""
    await city.mark()
    body = {"allow": True, "reason": "looks harmless"}
    await city.did(404, "POST", f"{OPS}/texts/{SAMPLE}/decision", body)


CARDS: Final = f"{OPS}/family-cards"
AT_WINDOW: Final = {"reason": "试一试能不能"}


@attempt("POST", CARDS)
async def open_card(city: City) -> None:
    """A card of nobody: its account has no grams, and nobody is its proxy."""
    await city.mark()
    wanted = {"kind": "paper", "consent": {"policy_version": "2026-11"}}
    await city.did(201, "POST", CARDS, wanted | AT_WINDOW)


@attempt("POST", f"{CARDS}/check")
async def check_card(city: City) -> None:
    await city.mark()
    await city.did(404, "POST", f"{CARDS}/check", {"qr": "cfc_guessed"} | AT_WINDOW)


@attempt("POST", f"{CARDS}/{{card_id}}/qr")
async def renew_card(city: City) -> None:
    await city.mark()
    await city.did(404, "POST", f"{CARDS}/{SAMPLE}/qr", AT_WINDOW)


@attempt("POST", f"{CARDS}/{{card_id}}/codes")
async def give_card_away(city: City) -> None:
    """With a new code of their own: the account goes to nobody for three days."""
    wanted = {"kind": "paper", "consent": {"policy_version": "2026-11"}}
    opened = await city.did(201, "POST", CARDS, wanted | AT_WINDOW)
    path = f"{CARDS}/{opened['card']['card_id']}"
    await city.mark()
    renewed = await city.did(201, "POST", f"{path}/qr", AT_WINDOW)
    await city.did(409, "POST", f"{path}/codes", {"purpose": "handover", "qr": renewed["qr"]} | AT_WINDOW)


@attempt("POST", f"{CARDS}/{{card_id}}/end")
async def end_card(city: City) -> None:
    await city.mark()
    await city.did(404, "POST", f"{CARDS}/{SAMPLE}/end", AT_WINDOW)
