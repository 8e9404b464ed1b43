"""A bank that two operators have registered, and citizens with loans there."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from deploy.local.fake_bank import Bank, router_of
from tests.rewards.conftest import API, Rewards
from tests.rewards.operators import WHY, Operators

KG = 1_000_000
BANK_ID, APP_KEY, BUDGET_ID = "jiangcheng", "bk-jiangcheng-1", "loans-jiangcheng"
TERMS = {
    "name_zh": "江城示范银行",
    "name_en": "Jiangcheng Example Bank",
    "budget_id": BUDGET_ID,
    "fen_per_kg": 200,
    "month_fen": 20_000,
    "answer_hours": 48,
}


def public_pem(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class Lending:
    """`bank`: the fake bank, whose requests go over HTTP. `page`: the bank's own address for its customers."""

    def __init__(self, rewards: Rewards, bank: Bank, key: Ed25519PrivateKey, page: httpx.AsyncClient) -> None:
        self.rewards, self.bank, self.key, self.page = rewards, bank, key, page
        self.operators = Operators(rewards)

    async def register(self, *, limit_fen: int = 100_000, sponsor_id: str = "jiangcheng", **terms: Any) -> None:
        budget = {
            "budget_id": BUDGET_ID,
            "sponsor_id": sponsor_id,
            "sponsor_zh": "江城示范银行",
            "sponsor_en": "Jiangcheng Example Bank",
            "limit_fen": limit_fen,
            **WHY,
        }
        await self.operators.by_two("/budgets", budget)
        key = {"app_key": APP_KEY, "algorithm": "CP1-ED25519", "public_key": public_pem(self.key)}
        await self.operators.by_two("/banks", {"bank_id": BANK_ID, **TERMS, **key, **WHY, **terms})

    async def customer_ref(self, user: uuid.UUID) -> str:
        (bank,) = (await self.rewards.get("/me/loan-banks", user)).json()["items"]
        return str(bank["customer_ref"])

    async def borrow(self, user: uuid.UUID, interest_fen: int = 9_000) -> str:
        """Open a loan at the bank for a citizen, who gives the bank the name for it. Return its number."""
        loan_no = f"L{uuid.uuid4().hex[:12]}"
        opened = await self.page.put(
            f"/loans/{loan_no}", json={"customer_ref": await self.customer_ref(user), "interest_fen": interest_fen}
        )
        assert opened.status_code == 200
        return loan_no

    async def quote(self, loan_no: str) -> str:
        answer = await self.page.post(f"/loans/{loan_no}/quote")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["quote_id"])

    async def work(self) -> dict[str, str]:
        found: dict[str, str] = (await self.page.post("/work")).json()
        return found

    async def offset(
        self, user: uuid.UUID, quote_id: str, amount_mg: int, *, key: str | None = None, bank_id: str = BANK_ID
    ) -> httpx.Response:
        return await self.rewards.client.post(
            f"{API}/loan-offsets",
            json={"bank_id": bank_id, "quote_id": quote_id, "amount_mg": amount_mg},
            headers={**self.rewards.tokens.citizen(user), "Idempotency-Key": key or str(uuid.uuid4())},
        )

    async def budget(self) -> tuple[int, int]:
        (row,) = await self.rewards.sql(
            "SELECT reserved_fen, spent_fen FROM rewards.budget WHERE budget_id = $1", BUDGET_ID
        )
        return row["reserved_fen"], row["spent_fen"]

    async def status(self, user: uuid.UUID, offset_id: str) -> str:
        return str((await self.rewards.get(f"/loan-offsets/{offset_id}", user)).json()["status"])


@asynccontextmanager
async def open_bank(rewards: Rewards) -> AsyncIterator[Lending]:
    key = Ed25519PrivateKey.generate()
    page = FastAPI()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(rewards.app), base_url="http://rewards.test") as http:
        bank = Bank(http, app_key=APP_KEY, key=key)
        page.include_router(router_of(bank))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(page), base_url="http://bank.test") as customers:
            yield Lending(rewards, bank, key, customers)


async def offer(lending: Lending, had_mg: int = 50 * KG, interest_fen: int = 9_000) -> tuple[uuid.UUID, str]:
    """A citizen with grams and a quote."""
    user = lending.rewards.citizen(had_mg)
    return user, await lending.quote(await lending.borrow(user, interest_fen))


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", answer.json().get("status"))
