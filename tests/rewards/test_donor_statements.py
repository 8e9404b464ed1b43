"""The yearly statement of a donor: every donation with its certificate, every refund, exact sums, by local years."""

import uuid
from datetime import UTC, datetime

import pytest

from services.rewards.documents import making
from shared import clock
from tests.databases import connect_past_triggers
from tests.rewards.conftest import API, Rewards
from tests.rewards.donors import new_enterprise
from tests.rewards.fake_accounting import UNAVAILABLE
from tests.rewards.reading import text_of

MARATHON = "zero-carbon-marathon"
# The last second of 2026 in Wuhan, and the first one of 2027.
BEFORE, AFTER = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), datetime(2026, 12, 31, 16, 0, tzinfo=UTC)


async def given_at(rewards: Rewards, user: uuid.UUID, amount_mg: int, at: datetime) -> str:
    """Donate, and let it have happened at a moment. Return the number of the certificate."""
    donation = (await rewards.donate(user, amount_mg)).json()
    donation_id = uuid.UUID(donation["donation_id"])
    await rewards.sql(
        "UPDATE rewards.donation SET created_at = $2, settled_at = $2 WHERE donation_id = $1", donation_id, at
    )
    connection = await connect_past_triggers(rewards.dsns)  # nobody else can change a certificate
    await connection.execute("UPDATE rewards.certificate SET issued_at = $2 WHERE donation_id = $1", donation_id, at)
    await connection.close()
    return str(donation["certificate"]["certificate_no"])


def this_year() -> int:
    return clock.local_date(clock.now(), "Asia/Shanghai").year


async def test_a_year_begins_at_midnight_in_wuhan(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(10**6)
    first, second = await given_at(rewards, user, 5_000, BEFORE), await given_at(rewards, user, 7_000, AFTER)
    for year, number, amount_mg, day in ((2026, first, 5_000, "2026-12-31"), (2027, second, 7_000, "2027-01-01")):
        statement = (await rewards.get("/me/certificates", user, year=year)).json()
        assert (statement["given_mg"], statement["refunded_mg"], statement["total_mg"]) == (amount_mg, 0, amount_mg)
        [line] = statement["lines"]
        assert (line["certificate_no"], line["date"], line["kind"]) == (number, day, "donation")
        assert line["campaign"] == {"campaign_id": MARATHON, "title": "零碳马拉松"}
    empty = (await rewards.get("/me/certificates", user, year=2025)).json()
    assert (empty["lines"], empty["total_mg"]) == ([], 0)
    assert (await rewards.get("/me/certificates", rewards.citizen(), year=2026)).json()["lines"] == []
    for wrong in ("", "2019", "2101", "x"):
        assert (await rewards.get("/me/certificates", user, year=wrong)).status_code == 422


async def test_refused_and_pending_donations_are_not_on_it(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(9_000)
    assert (await rewards.donate(user, 5_000)).status_code == 201
    assert (await rewards.donate(user, 5_000)).status_code == 409
    rewards.network.faults = {"all": UNAVAILABLE}
    assert (await rewards.donate(user, 1_000)).status_code == 202
    year = this_year()
    statement = (await rewards.get("/me/certificates", user, year=year)).json()
    assert [line["amount_mg"] for line in statement["lines"]] == [5_000]
    rewards.network.faults = {}
    await rewards.work(90)


async def test_a_refund_is_a_line_of_the_year_in_which_it_came_back(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(10**6)
    number = await given_at(rewards, user, 5_000, BEFORE)
    await given_at(rewards, user, 7_000, AFTER)
    # What a refund leaves behind.
    await rewards.sql(
        "UPDATE rewards.donation SET status = 'cancelled', reason_code = 'REFUNDED', settled_at = $1"
        " WHERE amount_mg = 5000",
        datetime(2027, 2, 3, tzinfo=UTC),
    )
    await rewards.sql("UPDATE rewards.campaign SET donated_mg = 7000")
    await rewards.sql("UPDATE rewards.campaign_donor SET donated_mg = 7000")
    before = (await rewards.get("/me/certificates", user, year=2026)).json()
    assert [(line["kind"], line["amount_mg"]) for line in before["lines"]] == [("donation", 5_000)]
    after = (await rewards.get("/me/certificates", user, year=2027)).json()
    assert [(line["kind"], line["amount_mg"]) for line in after["lines"]] == [("donation", 7_000), ("refund", -5_000)]
    assert after["lines"][1]["certificate_no"] == number
    assert (after["given_mg"], after["refunded_mg"], after["total_mg"]) == (7_000, 5_000, 2_000)


async def test_the_sums_are_of_all_lines_also_of_those_left_out(
    rewards: Rewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.rewards.donor_statements.service.LINES_MAX", 2)
    monkeypatch.setattr("services.rewards.donor_statements.service._ROWS", 2)
    await rewards.add_campaign()
    user = rewards.citizen(10**6)
    for amount_mg in (1_001, 1_002, 1_003, 1_004, 1_005):
        await given_at(rewards, user, amount_mg, BEFORE)
    statement = (await rewards.get("/me/certificates", user, year=2026)).json()
    assert (len(statement["lines"]), statement["lines_left_out"], statement["total_mg"]) == (2, 3, 5_015)


async def test_members_of_an_enterprise_get_its_statement(rewards: Rewards) -> None:
    await rewards.add_campaign()
    firm = await new_enterprise(rewards)
    maker, viewer = await firm.member("maker"), await firm.member("viewer")
    assert (await firm.donate(maker, 8_000)).status_code == 201
    path, now = f"/enterprises/{firm.enterprise_id}/certificates", this_year()
    statement = (await rewards.get(path, viewer, year=now)).json()
    assert (statement["enterprise_name"], statement["total_mg"]) == ("江城会展有限公司", 8_000)
    assert (await rewards.get("/me/certificates", maker, year=now)).json()["lines"] == []
    refused = await rewards.get(path, rewards.citizen(), year=now)
    assert (refused.status_code, refused.json()["code"]) == (404, "ENTERPRISE_NOT_FOUND")


async def made_pdf(rewards: Rewards, path: str, user: uuid.UUID) -> list[str]:
    """Ask for a statement as PDF, let the worker make it, and read it."""
    asked = await rewards.get(path, user, year=this_year())
    assert (asked.status_code, asked.headers["retry-after"]) == (202, "2"), asked.text
    assert await making.make_due(rewards.database) == 1
    answer = await rewards.get(path, user, year=this_year())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "private, no-cache"
    same = await rewards.client.get(
        f"{API}{path}",
        params={"year": this_year()},
        headers={**rewards.tokens.citizen(user), "If-None-Match": answer.headers["etag"]},
    )
    assert (same.status_code, same.content) == (304, b"")
    return text_of(answer.content)


async def test_a_donor_gets_the_year_as_pdf(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(10_000_000)
    number = (await rewards.donate(user, 2_345_678)).json()["certificate"]["certificate_no"]
    lines = await made_pdf(rewards, "/me/certificates.pdf", user)
    assert "零碳马拉松" in "".join(lines)
    assert "2,345.678" in "".join(lines)  # grams
    assert number in "".join(lines).replace(" ", "")
    empty = await rewards.get("/me/certificates.pdf", rewards.citizen(), year=this_year())
    assert empty.status_code == 202


async def test_members_of_an_enterprise_get_the_year_as_pdf_with_its_name(rewards: Rewards) -> None:
    await rewards.add_campaign()
    firm = await new_enterprise(rewards)
    maker, viewer = await firm.member("maker"), await firm.member("viewer")
    assert (await firm.donate(maker, 8_000)).status_code == 201
    path = f"/enterprises/{firm.enterprise_id}/certificates.pdf"
    assert "江城会展有限公司" in "".join(await made_pdf(rewards, path, viewer))
    refused = await rewards.get(path, rewards.citizen(), year=this_year())
    assert (refused.status_code, refused.json()["code"]) == (404, "ENTERPRISE_NOT_FOUND")
