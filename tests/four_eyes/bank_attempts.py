"""How one operator tries to become a bank: a registration, better terms, an own key, a suspended bank resumed."""

import uuid
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.four_eyes.attempts import BECAUSE, attempt
from tests.four_eyes.conftest import City
from tests.four_eyes.mall_attempts import OPS, approve_by_two, open_budget_by_two

TERMS: Final = {"name_zh": "银行", "name_en": "Bank", "fen_per_kg": 200, "month_fen": 20_000, "answer_hours": 48}


def _key() -> dict[str, str]:
    public = Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {"app_key": f"bk-{uuid.uuid4().hex[:12]}", "algorithm": "CP1-ED25519", "public_key": pem}


async def _bank(city: City) -> tuple[dict[str, Any], str, str]:
    """A bank of two others: its terms, its id, the name of its key."""
    bank_id, key = f"bank-{uuid.uuid4().hex[:8]}", _key()
    terms = {**TERMS, "budget_id": await open_budget_by_two(city), **BECAUSE}
    await approve_by_two(city, f"{OPS}/banks", {"bank_id": bank_id, **terms, **key})
    return terms, bank_id, key["app_key"]


@attempt("POST", f"{OPS}/banks")
async def register_bank(city: City) -> None:
    budget_id = await open_budget_by_two(city)
    await city.mark()
    body = {"bank_id": f"mine-{uuid.uuid4().hex[:8]}", **TERMS, "budget_id": budget_id, **_key(), **BECAUSE}
    made = await city.did(202, "POST", f"{OPS}/banks", body)
    await city.did(409, "POST", f"{OPS}/proposals/{made['proposal_id']}/approve", BECAUSE)


@attempt("POST", f"{OPS}/banks/{{bank_id}}/terms")
async def change_terms(city: City) -> None:
    terms, bank_id, _ = await _bank(city)
    await city.mark()
    await city.did(202, "POST", f"{OPS}/banks/{bank_id}/terms", {**terms, "fen_per_kg": 100_000})


@attempt("POST", f"{OPS}/banks/{{bank_id}}/keys")
async def add_key(city: City) -> None:
    _, bank_id, _ = await _bank(city)
    await city.mark()
    await city.did(202, "POST", f"{OPS}/banks/{bank_id}/keys", {**_key(), **BECAUSE})


@attempt("POST", f"{OPS}/banks/{{bank_id}}/keys/{{app_key}}/revoke")
async def revoke_key(city: City) -> None:
    """Revoke a key and put an own one in its place."""
    _, bank_id, app_key = await _bank(city)
    await city.mark()
    await city.did(200, "POST", f"{OPS}/banks/{bank_id}/keys/{app_key}/revoke", BECAUSE)
    await city.did(202, "POST", f"{OPS}/banks/{bank_id}/keys", {**_key(), **BECAUSE})


@attempt("POST", f"{OPS}/banks/{{bank_id}}/suspend")
async def suspend_bank(city: City) -> None:
    _, bank_id, _ = await _bank(city)
    await city.mark()
    await city.did(200, "POST", f"{OPS}/banks/{bank_id}/suspend", BECAUSE)


@attempt("POST", f"{OPS}/banks/{{bank_id}}/resume")
async def resume_bank(city: City) -> None:
    _, bank_id, _ = await _bank(city)
    await city.did(200, "POST", f"{OPS}/banks/{bank_id}/suspend", BECAUSE, by="ann")
    await city.mark()
    await city.did(202, "POST", f"{OPS}/banks/{bank_id}/resume", BECAUSE)
