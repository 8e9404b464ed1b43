"""Certificates that two operators revoke, and certificates of donors who leave."""

import asyncio
import json
import uuid

import httpx
import msgspec
import pytest

from services.rewards.certificates.service import issue_certificate
from services.rewards.documents import making
from services.rewards.personal_data import TABLES
from shared import clock
from shared.contracts.identity import person_account_id
from shared.contracts.rewards_v1 import CertificateRevoked, RewardEvent
from shared.language import Text
from shared.outbox import records_in
from shared.personal_rows import PersonalRows, PersonIds
from tests.cloud_events import read_event
from tests.rewards.conftest import API, Rewards
from tests.rewards.operators import Operators
from tests.rewards.reading import picture_of, qr_of, text_of
from tests.rewards.test_certificates import BROWSER, fetch, made, unknown_number
from tests.rewards.test_erasures import ask, run

ZH, EN = "这笔减碳量来自重复上报的骑行记录。", "The reductions came from rides that were reported twice."
REVOKE = {"public_reason_zh": ZH, "public_reason_en": EN, "reason": "核查报告 2026-31"}


@pytest.fixture
def operators(rewards: Rewards) -> Operators:
    return Operators(rewards)


async def donated(rewards: Rewards) -> tuple[uuid.UUID, str]:
    """Return a donor and the number of the certificate."""
    await rewards.add_campaign()
    user = rewards.citizen(10_000_000)
    donation = await rewards.donate(user, 2_000_000)
    return user, donation.json()["certificate"]["certificate_no"]


async def revocations(rewards: Rewards) -> list[tuple[bytes, CertificateRevoked]]:
    found = []
    for row in await rewards.sql("SELECT records FROM rewards.outbox WHERE topic = 'rewards.events.v1' ORDER BY id"):
        for record in records_in(row["records"]):
            event = msgspec.json.decode(record.value or b"", type=RewardEvent)
            if isinstance(event, CertificateRevoked):
                read = read_event("rewards.events.v1", record.key, record.value or b"", record.headers)
                assert read.get_type() == "cn.carboninclusion.certificate.revoked.v1"
                found.append((record.key, event))
    return found


async def test_a_revoked_certificate_says_so_everywhere(rewards: Rewards, operators: Operators) -> None:
    user, number = await donated(rewards)
    before = {form: await made(rewards, f"{number}.{form}") for form in ("pdf", "png")}
    await operators.by_two(f"/certificates/{number}/revoke", REVOKE)

    shown = (await fetch(rewards, number)).json()
    assert (shown["status"], shown["revocation"]["reason"]) == ("revoked", ZH)
    english = (await fetch(rewards, number, **{"accept-language": "en"})).json()
    assert english["revocation"] == {"reason": EN, "revoked_at": shown["revocation"]["revoked_at"]}
    page = await fetch(rewards, number, accept=BROWSER)
    for said in ("证书已撤销，不再有效", ZH, EN):
        assert said in page.text
    assert "证书真实有效" not in page.text
    assert ".png" not in page.text  # nobody is invited to share it

    # The former files are gone: even who has them cached gets the revoked form.
    for form, old in before.items():
        asked = await fetch(rewards, f"{number}.{form}", **{"if-none-match": old.headers["etag"]})
        assert asked.status_code == 202
    await making.make_due(rewards.database)
    for form, old in before.items():
        new = await fetch(rewards, f"{number}.{form}", **{"if-none-match": old.headers["etag"]})
        assert new.status_code == 200
        assert new.headers["etag"] != old.headers["etag"]
        if form == "pdf":
            text = "".join(text_of(new.content))
            for said in ("本证书已撤销", ZH, EN, "Not valid since"):
                assert said in text
            assert "感谢您" not in text
            assert qr_of(picture_of(new.content)).endswith(number)
    assert rewards.balance_mg(user) == 8_000_000  # nothing comes back


async def test_the_donor_sees_the_revocation_and_is_told(rewards: Rewards, operators: Operators) -> None:
    user, number = await donated(rewards)
    await operators.by_two(f"/certificates/{number}/revoke", REVOKE)
    (mine,) = (await rewards.get("/me/donations", user)).json()["items"]
    assert (mine["status"], mine["certificate"]["status"]) == ("confirmed", "revoked")
    assert mine["certificate"]["revocation"]["reason"] == ZH
    ((key, event),) = await revocations(rewards)
    assert key == str(person_account_id(user)).encode()
    assert (event.certificate_no, event.amount_mg) == (number, 2_000_000)
    assert str(event.donation_id) == mine["donation_id"]


async def test_one_operator_revokes_nothing(rewards: Rewards, operators: Operators) -> None:
    _, number = await donated(rewards)
    proposal_id = await operators.propose(f"/certificates/{number}/revoke", REVOKE)
    await operators.refused("SECOND_PERSON_NEEDED", "POST", f"/proposals/{proposal_id}/approve", {"reason": "就这样"})
    assert (await fetch(rewards, number)).json()["status"] == "genuine"
    grouped = "-".join(number[start : start + 4] for start in range(0, 20, 4))
    await operators.refused("PROPOSAL_OPEN", "POST", f"/certificates/{grouped}/revoke", REVOKE, by="bob")
    shown = await operators.did(200, "GET", f"/proposals/{proposal_id}", by="bob")
    assert (shown["kind"], shown["subject"]) == ("certificate.revoke", number)
    assert shown["content"] == {"reason_zh": ZH, "reason_en": EN}
    await operators.approve(proposal_id)
    assert (await fetch(rewards, number)).json()["status"] == "revoked"
    assert await operators.audited(number) == [
        ("certificate.revoke.propose", "ann"),
        ("certificate.revoke.approve", "bob"),
    ]
    await operators.refused("CERTIFICATE_ALREADY_REVOKED", "POST", f"/certificates/{number}/revoke", REVOKE)


async def test_what_cannot_be_revoked_is_refused(rewards: Rewards, operators: Operators) -> None:
    _, number = await donated(rewards)
    await operators.refused("CERTIFICATE_NOT_FOUND", "POST", f"/certificates/{unknown_number()}/revoke", REVOKE)
    await operators.refused("CERTIFICATE_NO_MISTYPED", "POST", "/certificates/123/revoke", REVOKE)
    for changes in (
        {"public_reason_zh": ""},
        {"public_reason_en": "x" * 121},
        {"public_reason_zh": "第一行\n第二行"},
        {"reason": ""},
        {"extra": 1},
    ):
        await operators.refused("INVALID_REQUEST", "POST", f"/certificates/{number}/revoke", REVOKE | changes)
    reader = {**rewards.tokens.operator(scope="ops:read"), "Content-Type": "application/json"}
    answer = await rewards.client.post(
        f"{API}/ops/certificates/{number}/revoke", content=json.dumps(REVOKE), headers=reader
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


async def test_two_approvals_at_once_revoke_once(rewards: Rewards, operators: Operators) -> None:
    _, number = await donated(rewards)
    proposal_id = await operators.propose(f"/certificates/{number}/revoke", REVOKE)
    path = f"/proposals/{proposal_id}/approve"
    answers = await asyncio.gather(
        *(operators.call("POST", path, {"reason": "核对无误"}, by=by) for by in ("bob", "eve", "bob", "eve"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(await revocations(rewards)) == 1


async def test_a_revocation_never_changes(rewards: Rewards, operators: Operators) -> None:
    _, number = await donated(rewards)
    await operators.by_two(f"/certificates/{number}/revoke", REVOKE)
    rights = await rewards.sql(
        "SELECT privilege_type FROM information_schema.role_table_grants"
        " WHERE table_schema = 'rewards' AND table_name = 'certificate_revocation' AND grantee = 'rewards'"
    )
    assert {row["privilege_type"] for row in rights} == {"SELECT", "INSERT"}


async def test_a_revocation_while_the_file_is_drawn_never_serves_the_valid_form(
    rewards: Rewards, operators: Operators
) -> None:
    _, number = await donated(rewards)
    await fetch(rewards, f"{number}.pdf")

    async def meanwhile(asked: bytes) -> bytes:
        drawn = await making.PRESS(asked)
        await operators.by_two(f"/certificates/{number}/revoke", REVOKE)
        return drawn

    assert await making.make_due(rewards.database, press=meanwhile) == 0
    assert "本证书已撤销" in "".join(text_of((await made(rewards, f"{number}.pdf")).content))


# --- names ------------------------------------------------------------------------------------------------------------


async def name(
    rewards: Rewards, user: uuid.UUID, number: str, surname: str = "张", address: str = "ms"
) -> httpx.Response:
    path = f"{API}/me/certificates/{number}/name"
    body = {"surname": surname, "address": address}
    return await rewards.client.put(path, json=body, headers=rewards.tokens.citizen(user))


async def test_a_donor_shows_a_name_and_hides_it_again(rewards: Rewards) -> None:
    user, number = await donated(rewards)
    unnamed = await made(rewards, f"{number}.pdf")
    assert "尊敬的捐赠人：" in text_of(unnamed.content)
    shown = await name(rewards, user, number)
    assert (shown.status_code, shown.json()["donor"]) == (200, "张女士")
    assert "张女士" in (await fetch(rewards, number, accept=BROWSER)).text
    assert "张女士：" in text_of((await made(rewards, f"{number}.pdf")).content)
    hidden = await rewards.client.delete(f"{API}/me/certificates/{number}/name", headers=rewards.tokens.citizen(user))
    assert (hidden.status_code, hidden.json()["donor"]) == (200, None)
    assert "张女士" not in (await fetch(rewards, number, accept=BROWSER)).text
    # The files with the name are gone, and the one without it is the same as before.
    assert (await made(rewards, f"{number}.pdf")).content == unnamed.content
    assert len(await rewards.sql("SELECT FROM rewards.document")) == 1


async def test_only_the_donor_names_and_only_with_a_surname(rewards: Rewards) -> None:
    user, number = await donated(rewards)
    stranger = await name(rewards, uuid.uuid4(), number)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "CERTIFICATE_NOT_FOUND")
    for surname in ("坏", "骗子", "A"):
        assert (await name(rewards, user, number, surname)).json()["code"] == "SURNAME_UNKNOWN"
    for surname, address in (("", "mr"), ("诸葛孔明", "mr"), ("诸葛", "king")):
        assert (await name(rewards, user, number, surname, address)).json()["code"] == "INVALID_REQUEST"
    assert (await fetch(rewards, number)).json()["donor"] is None
    assert (await name(rewards, user, number, "诸葛", "teacher")).json()["donor"] == "诸葛老师"


async def test_a_certificate_of_an_enterprise_names_it(rewards: Rewards, operators: Operators) -> None:
    issued = clock.now()
    async with rewards.database.transaction() as session:
        number = await issue_certificate(
            session,
            donation_id=uuid.uuid4(),
            user_id=None,
            donor="过早铺子（武汉）有限公司",
            campaign_id="zero-carbon-marathon",
            campaign_title=Text("零碳马拉松", "Zero-carbon marathon"),
            amount_mg=1_000_000_000,
            issued_at=issued,
            time_zone="Asia/Shanghai",
        )
    assert (await fetch(rewards, number)).json()["donor"] == "过早铺子（武汉）有限公司"
    assert "过早铺子（武汉）有限公司：" in text_of((await made(rewards, f"{number}.pdf")).content)
    await operators.by_two(f"/certificates/{number}/revoke", REVOKE)
    assert await revocations(rewards) == []


async def test_a_revoked_certificate_names_nobody(rewards: Rewards, operators: Operators) -> None:
    user, number = await donated(rewards)
    await name(rewards, user, number)
    await operators.by_two(f"/certificates/{number}/revoke", REVOKE)
    assert (await fetch(rewards, number)).json()["donor"] is None
    assert "张女士" not in (await fetch(rewards, number, accept=BROWSER)).text
    assert "张女士" not in "".join(text_of((await made(rewards, f"{number}.pdf")).content))


# --- donors who leave -------------------------------------------------------------------------------------------------


async def test_with_the_donor_the_files_go_and_the_number_can_still_be_checked(
    rewards: Rewards, operators: Operators
) -> None:
    user, number = await donated(rewards)
    await name(rewards, user, number)
    pdf = await made(rewards, f"{number}.pdf")
    assert "张女士：" in text_of(pdf.content)
    await ask(rewards, user)
    await run(rewards)
    for table in ("document", "certificate_holder"):
        assert await rewards.sql(f"SELECT FROM rewards.{table}") == [], table
    shown = (await fetch(rewards, number)).json()
    assert (shown["status"], shown["donor"], shown["has_files"]) == ("genuine", None, False)
    page = await fetch(rewards, number, accept=BROWSER)
    assert "证书真实有效" in page.text
    assert "张女士" not in page.text
    assert ".pdf" not in page.text
    for form in ("pdf", "png"):
        gone = await fetch(rewards, f"{number}.{form}", **{"if-none-match": pdf.headers["etag"]})
        assert (gone.status_code, gone.json()["code"]) == (404, "CERTIFICATE_FILE_GONE")
    assert await rewards.sql("SELECT FROM rewards.document") == []
    # Nobody is told of what happens to it later.
    await operators.by_two(f"/certificates/{number}/revoke", REVOKE)
    assert (await fetch(rewards, number)).json()["status"] == "revoked"
    assert await revocations(rewards) == []


async def test_requests_that_race_with_the_erasure_leave_no_file(rewards: Rewards) -> None:
    user, number = await donated(rewards)
    await ask(rewards, user)

    async def asking() -> set[int]:
        return {(await fetch(rewards, f"{number}.{form}")).status_code for form in ("pdf", "png") * 10}

    async def erasing() -> set[int]:
        await asyncio.sleep(0.02)
        await run(rewards)
        return set()

    worker = asyncio.create_task(making.make_due(rewards.database))
    answers = await asyncio.gather(asking(), asking(), asking(), erasing())
    await worker
    assert set().union(*answers) <= {200, 202, 404}
    await run(rewards)
    assert await rewards.sql("SELECT FROM rewards.document") == []
    assert (await fetch(rewards, f"{number}.pdf")).status_code == 404


async def test_the_donor_exports_what_is_kept_without_the_file(rewards: Rewards) -> None:
    user, number = await donated(rewards)
    await made(rewards, f"{number}.pdf")
    async with rewards.database.transaction() as session:
        rows, _ = await PersonalRows("rewards", TABLES).page(session, PersonIds(user_id=user), after=None)
    kept = {table: row for table, row in rows if table in {"certificate_holder", "document"}}
    assert kept["certificate_holder"]["certificate_no"] == kept["document"]["certificate_no"] == number
    assert "file" not in kept["document"]
