"""What operators may register as a partner's OAuth server, and what the second of them sees."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.ingest.partners.oauth_terms import OauthTerms
from tests.databases import Dsns
from tests.ingest.operators import OperatorClient, terms
from tests.ingest.samples import oauth_terms
from tests.ingest.test_partners import rows

BOUND = "https://carbon.example/bound"


@pytest.mark.parametrize(
    "address",
    [
        "http://carbon.example/bound",
        "https://user@carbon.example/bound",
        "https://user:pw@carbon.example/bound",
        "https://carbon.example\\@evil.example/bound",
        "https://cаrbon.example/bound",  # a Cyrillic letter
        "https://CARBON.example/bound",
        "https://carbon.example",
        "https://carbon.example/bound#part",
        "https://carbon.example/bound?next=https://evil.example",
        "https://carbon.example/bound?",
        "https://carbon.example/../bound",
        "https://carbon.example/./bound",
        "https://carbon.example//bound",
        "https://carbon.example/%62ound",
        "https://*.carbon.example/bound",
        "https://10.0.0.1/bound",
        "https://169.254.169.254/bound",
        "https://2130706433/bound",
        "https://intranet/bound",
        "javascript:alert(1)",
        "wxapp://bound",
        "https://carbon.example/bound\n",
        f"https://carbon.example/{'b' * 500}",
        "",
    ],
)
def test_a_redirect_address_with_two_spellings_or_a_trick_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        OauthTerms.model_validate(oauth_terms("a-secret", redirect_uri=address))


@pytest.mark.parametrize("field", ["authorize_url", "token_url", "revocation_url"])
@pytest.mark.parametrize("address", ["http://bike.example/x", "https://192.168.1.1/x", "https://u@bike.example/x", ""])
def test_a_server_inside_or_without_tls_is_refused(field: str, address: str) -> None:
    with pytest.raises(ValidationError):
        OauthTerms.model_validate(oauth_terms("a-secret", **{field: address}))


def test_a_server_in_order_is_accepted_and_its_secret_is_never_shown() -> None:
    given = OauthTerms.model_validate(oauth_terms("a-secret"))
    assert given.redirect_uri == BOUND
    assert "a-secret" not in str(given.shown())
    assert "a-secret" not in repr(given)
    assert given.with_secret()["client_secret"] == "a-secret"


@pytest.mark.parametrize("wrong", [{"client_secret": "short"}, {"request_form": "xml"}, {"redirect_uri": 1}])
def test_incomplete_terms_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OauthTerms.model_validate({**oauth_terms("a-secret"), **wrong})


async def test_another_redirect_address_of_a_live_partner_needs_two_who_see_it(
    operators: OperatorClient, ingest_dsns: Dsns
) -> None:
    await operators.partner("confirming", oauth=oauth_terms("s3cret-of-first"))
    changed = {name: value for name, value in terms("confirming").items() if name != "partner_id"}
    moved = oauth_terms("s3cret-of-second", redirect_uri="https://carbon.example/elsewhere")
    proposal = await operators.call("PUT", "/confirming", {**changed, "oauth": moved}, expect=202)
    assert proposal["content"]["oauth"]["redirect_uri"] == "https://carbon.example/elsewhere"
    assert (await operators.decide("approve", proposal, headers=operators.headers)).status_code == 409
    assert (await operators.decide("approve", proposal)).status_code == 200
    found = await rows(ingest_dsns, "SELECT after::text AS t FROM ingest.audit_log WHERE object = 'partner/confirming'")
    recorded = "".join(row["t"] for row in found)
    assert "https://carbon.example/elsewhere" in recorded
    assert "s3cret-of" not in recorded
