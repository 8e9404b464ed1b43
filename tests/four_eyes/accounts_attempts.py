"""How one operator tries to open an enterprise alone, or to let one act again. Read with attempts.py."""

import json
import uuid
from typing import Final

from shared.contracts import topics
from shared.contracts.identity import person_account_id
from tests.four_eyes.attempts import BECAUSE, attempt
from tests.four_eyes.conftest import ACCOUNTS, SAMPLE, City

APPROVALS: Final = f"{ACCOUNTS}/approvals"
LETTERS: Final = f"{ACCOUNTS}/dead-letters"
ENTERPRISES: Final = f"{ACCOUNTS}/enterprises"


async def enterprise(city: City, status: str) -> str:
    """An enterprise in a state, with an administrator and a licence."""
    approved = "now()" if status in {"active", "suspended"} else "NULL"
    (enterprise_id,) = await city.sql(
        "WITH person AS (INSERT INTO accounts.app_user (user_id, openid_hash, openid_sealed, created_at, last_login_at)"
        " VALUES (gen_random_uuid(), uuid_send(gen_random_uuid()), 'x', now(), now()) RETURNING user_id), made AS ("
        "INSERT INTO accounts.enterprise (enterprise_id, uscc, name, kinds, status, applied_by, applied_at,"
        " approved_at, version, changed_at)"
        f" SELECT gen_random_uuid(), $1, 'mine', $2::text::jsonb, $3, user_id, now(), {approved},"
        f" CASE WHEN {approved} IS NULL THEN 0 ELSE 1 END, now() FROM person RETURNING enterprise_id, applied_by)"
        ", paper AS (INSERT INTO accounts.enterprise_document (document_id, enterprise_id, kind, media_type,"
        " size_bytes, sha256, key_sealed, uploaded_by, uploaded_at) SELECT gen_random_uuid(), enterprise_id,"
        " 'business_licence', 'application/pdf', 9, repeat('0', 64), 'x', applied_by, now() FROM made)"
        " SELECT enterprise_id::text FROM made",
        uuid.uuid4().hex[:18].upper(),
        json.dumps(["pool_owner"]),
        status,
    )
    await city.mark()
    return str(enterprise_id)


async def propose_approval(city: City) -> str:
    path = f"{ENTERPRISES}/{await enterprise(city, 'applied')}/approve"
    return str((await city.did(202, "POST", path, BECAUSE))["proposal_id"])


@attempt("POST", f"{ENTERPRISES}/{{enterprise_id}}/approve")
async def open_enterprise(city: City) -> None:
    await propose_approval(city)


@attempt("POST", f"{ENTERPRISES}/{{enterprise_id}}/reject")
async def reject_enterprise(city: City) -> None:
    enterprise_id = await enterprise(city, "applied")
    await city.did(200, "POST", f"{ENTERPRISES}/{enterprise_id}/reject", BECAUSE)
    await city.did(409, "POST", f"{ENTERPRISES}/{enterprise_id}/approve", BECAUSE)


@attempt("POST", f"{ENTERPRISES}/{{enterprise_id}}/suspend")
async def suspend_enterprise(city: City) -> None:
    enterprise_id = await enterprise(city, "active")
    await city.did(200, "POST", f"{ENTERPRISES}/{enterprise_id}/suspend", BECAUSE)


@attempt("POST", f"{ENTERPRISES}/{{enterprise_id}}/resume")
async def resume_enterprise(city: City) -> None:
    enterprise_id = await enterprise(city, "suspended")
    await city.did(202, "POST", f"{ENTERPRISES}/{enterprise_id}/resume", BECAUSE)


@attempt("POST", f"{ENTERPRISES}/{{enterprise_id}}/appoint-admin")
async def appoint_admin(city: City) -> None:
    """An enterprise without an administrator, and a friend of the operator."""
    enterprise_id = await enterprise(city, "active")
    (account_no,) = await city.sql(
        "INSERT INTO accounts.carbon_account (account_id, user_id, account_no, kind, opened_at)"
        " SELECT gen_random_uuid(), applied_by, 'WH' || lpad((random() * 10^11)::bigint::text, 12, '0'), 'person',"
        " now() FROM accounts.enterprise WHERE enterprise_id = $1::uuid RETURNING account_no",
        enterprise_id,
    )
    await city.mark()
    body = {**BECAUSE, "account_no": account_no, "document_sha256": "0" * 64}
    await city.did(202, "POST", f"{ENTERPRISES}/{enterprise_id}/appoint-admin", body)


@attempt("POST", f"{ENTERPRISES}/{{enterprise_id}}/close")
async def close_enterprise(city: City) -> None:
    """Closing needs the word of accounting, which these services do not reach here."""
    enterprise_id = await enterprise(city, "suspended")
    await city.did(503, "POST", f"{ENTERPRISES}/{enterprise_id}/close", BECAUSE)


@attempt("POST", f"{LETTERS}/{{letter_id}}/replay")
async def replay(city: City) -> None:
    """Amounts and persons of orders and freezes are never mended: no change is even proposed."""
    await city.mark()
    letter = await city.dead_letter("accounts", b'{"account_id": "y", "frozen": true}', topics.FREEZES)
    for change in ({"patch": {"account_id": SAMPLE}}, {"value": {"account_id": SAMPLE}}):
        await city.did(422, "POST", f"{LETTERS}/{letter}/replay", {**BECAUSE, **change})
    await city.did(422, "POST", f"{LETTERS}/{letter}/replay", BECAUSE)


@attempt("POST", f"{LETTERS}/{{letter_id}}/discard")
async def discard(city: City) -> None:
    await city.mark()
    letter = await city.dead_letter("accounts", b"rubbish", topics.REWARDS)
    await city.did(200, "POST", f"{LETTERS}/{letter}/discard", BECAUSE)


@attempt("POST", f"{LETTERS}/mends/{{proposal_id}}/approve")
async def approve_mend(city: City) -> None:
    await city.mark()
    await city.did(404, "POST", f"{LETTERS}/mends/{SAMPLE}/approve", BECAUSE)


@attempt("POST", f"{LETTERS}/mends/{{proposal_id}}/reject")
async def reject_mend(city: City) -> None:
    await city.mark()
    await city.did(404, "POST", f"{LETTERS}/mends/{SAMPLE}/reject", BECAUSE)


@attempt("POST", f"{APPROVALS}/{{proposal_id}}/approve")
async def approve(city: City) -> None:
    await city.mark()
    await city.did(404, "POST", f"{APPROVALS}/{SAMPLE}/approve", BECAUSE)
    proposal_id = await propose_approval(city)
    await city.did(409, "POST", f"{APPROVALS}/{proposal_id}/approve", BECAUSE)


@attempt("POST", f"{APPROVALS}/{{proposal_id}}/reject")
async def reject(city: City) -> None:
    proposal_id = await propose_approval(city)
    await city.did(200, "POST", f"{APPROVALS}/{proposal_id}/reject", BECAUSE)
    await city.did(409, "POST", f"{APPROVALS}/{proposal_id}/approve", BECAUSE)


@attempt("POST", f"{ACCOUNTS}/people/{{user_id}}/correct-age")
async def correct_age(city: City) -> None:
    """A child whose guardian is in the operator's way."""
    user_id = uuid.uuid4()
    sealed = city.apps["accounts"].state.resources.vault.seal("turns_14", user_id, "2099-01-01")
    await city.sql(
        "WITH person AS (INSERT INTO accounts.app_user (user_id, openid_hash, openid_sealed, created_at, last_login_at)"
        " VALUES ($1, uuid_send($1), 'x', now(), now()) RETURNING user_id)"
        " INSERT INTO accounts.declared_age (user_id, account_id, turns_14_sealed)"
        " SELECT user_id, $2, $3 FROM person RETURNING user_id",
        user_id, person_account_id(user_id), sealed,
    )  # fmt: skip
    await city.mark()
    await city.did(202, "POST", f"{ACCOUNTS}/people/{user_id}/correct-age", BECAUSE)
