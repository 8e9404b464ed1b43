"""Operators freeze, unfreeze and reverse over HTTP: with a reason, each act once, two people if grams move."""

import asyncio
import uuid
from typing import Any

from services.accounting.operations import service as operations
from shared.approvals_kinds import Proposal, ProposalDecided
from shared.auth.tokens import Operator
from tests.accounting.driver import Accounting
from tests.accounting.holds import Holds
from tests.accounting.operators import WHY, LedgerOperators, refusal
from tests.accounting.outbox import outcomes
from tests.accounting.reports import Reports, cancel
from tests.databases import Dsns

RIDE_MG = 150_000


def operator(subject: str) -> Operator:
    return Operator(subject, frozenset({operations.SCOPE}))


async def available(accounting: Accounting, person: Reports) -> object:
    return (await accounting.get(person, "/me/balance"))["available_mg"]


async def test_a_frozen_account_places_no_new_hold_but_still_earns(
    accounting: Accounting, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    holds, earlier = Holds(accounting), uuid.uuid4()
    await accounting.post(person.bus())
    assert (await holds.place(person, 1000, earlier)).status_code == 201
    frozen = await ledger_operators.call("ann", f"/accounts/{person.account_id}/freeze", WHY)
    assert (frozen.status_code, frozen.json()["frozen"]) == (200, True)
    assert refusal(await holds.place(person, 1000)) == (409, "ACCOUNT_FROZEN")
    # Holds placed before the freeze end as usual, and new rides still earn.
    assert (await holds.call("POST", f"/{earlier}/capture", {"to": "redeemed:noodles"})).status_code == 200
    await accounting.post(person.bus())
    assert await available(accounting, person) == 2 * RIDE_MG - 1000
    assert refusal(await ledger_operators.call("bob", f"/accounts/{person.account_id}/freeze", WHY)) == (
        409,
        "ACCOUNT_FROZEN",
    )


async def test_a_reason_with_control_characters_is_refused_and_freezes_nothing(
    accounting: Accounting, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    for reason in ("ticket\x00 4711", "ticket\x07 4711"):
        answer = await ledger_operators.call("ann", f"/accounts/{person.account_id}/freeze", {"reason": reason})
        assert refusal(answer) == (422, "INVALID_REQUEST")
    assert (await Holds(accounting).place(person, 1000)).status_code == 201


async def test_a_scene_filter_with_a_nul_is_an_invalid_request(accounting: Accounting) -> None:
    person = await accounting.citizen()
    answer = await accounting.client.get(
        "/api/v1/accounting/me/activities?scene=a%00b", headers=accounting.tokens.citizen(person.user_id)
    )
    assert refusal(answer) == (422, "INVALID_REQUEST")
    assert [error["code"] for error in answer.json()["errors"]] == ["UNSTORABLE_CHARACTER"]


async def test_unfreezing_needs_a_second_person(accounting: Accounting, ledger_operators: LedgerOperators) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    account = f"/accounts/{person.account_id}"
    assert refusal(await ledger_operators.call("ann", f"{account}/unfreeze", WHY)) == (409, "ACCOUNT_NOT_FROZEN")
    await ledger_operators.call("ann", f"{account}/freeze", WHY)
    proposed = await ledger_operators.call("ann", f"{account}/unfreeze", {"reason": "核实为误报"})
    assert (proposed.status_code, proposed.json()["status"]) == (201, "open")
    proposal = f"/unfreezes/{proposed.json()['proposal_id']}/approve"
    assert refusal(await ledger_operators.call("ann", proposal)) == (409, "SECOND_PERSON_NEEDED")
    assert refusal(await Holds(accounting).place(person, 1000)) == (409, "ACCOUNT_FROZEN")
    waiting = await ledger_operators.call("bob", "/unfreezes", method="GET")
    assert [item["subject_id"] for item in waiting.json()["items"]] == [str(person.account_id)]
    approved = await ledger_operators.call("bob", proposal)
    assert (approved.status_code, approved.json()["decided_by"]) == (200, "bob")
    assert (await Holds(accounting).place(person, 1000)).status_code == 201
    trail = await ledger_operators.trail(person.account_id)
    frozen = [(act["action"], act["subject"], act["before"]["frozen"], act["after"]["frozen"]) for act in trail]
    assert frozen == [
        ("account.unfreeze", "bob", True, False),
        ("unfreeze.propose", "ann", True, True),
        ("account.freeze", "ann", False, True),
    ]
    assert trail[0]["reason"].startswith("核实为误报")
    assert trail[0]["after"]["proposal"]["status"] == "approved"


async def test_only_a_persons_account_can_be_frozen(accounting: Accounting, ledger_operators: LedgerOperators) -> None:
    from services.accounting.ledger.chart import system_account_id

    person = await accounting.citizen()
    await accounting.post(person.bus())
    issuance = system_account_id("issuance:WH-APP-BUS")
    assert refusal(await ledger_operators.call("ann", f"/accounts/{issuance}/freeze", WHY)) == (
        404,
        "ACCOUNT_NOT_FOUND",
    )


async def test_a_reversal_by_two_operators_has_the_effect_of_a_cancellation(
    accounting: Accounting, accounting_dsns: Dsns, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    ride, other = person.bus(), person.bus()
    await accounting.post(ride, other)
    proposal = await ledger_operators.propose_reversal("ann", ride.event_key)
    assert refusal(await ledger_operators.call("bob", f"/activities/{ride.event_key}/reversals", WHY)) == (
        409,
        "PROPOSAL_OPEN",
    )
    assert refusal(await ledger_operators.call("ann", f"/reversals/{proposal}/approve")) == (
        409,
        "SECOND_PERSON_NEEDED",
    )
    assert await available(accounting, person) == 2 * RIDE_MG
    approved = await ledger_operators.call("bob", f"/reversals/{proposal}/approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    assert await available(accounting, person) == RIDE_MG
    await accounting.post(person.bus())  # the cap was given back
    assert await available(accounting, person) == 2 * RIDE_MG
    outcome = (await outcomes(accounting_dsns))[2]
    assert (outcome.status, outcome.reason_code, outcome.sequence) == ("reversed", "REVOKED", 2)
    page: Any = await accounting.get(person, "/me/activities?status=reversed")
    assert "复核" in page["items"][0]["reason"]
    act, proposed = await ledger_operators.trail(ride.event_key)
    assert (proposed["action"], proposed["subject"], proposed["reason"]) == (
        "reversal.propose", "ann", WHY["reason"],
    )  # fmt: skip
    assert (act["action"], act["subject"]) == ("activity.reverse", "bob")
    assert (act["before"]["status"], act["after"]["status"]) == ("credited", "reversed")


async def test_reversing_spent_grams_makes_a_debt(accounting: Accounting, ledger_operators: LedgerOperators) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride)
    assert (await Holds(accounting).place(person, 100_000)).status_code == 201
    proposal = await ledger_operators.propose_reversal("ann", ride.event_key)
    await ledger_operators.call("bob", f"/reversals/{proposal}/approve")
    body = await accounting.get(person, "/me/balance")
    assert (body["available_mg"], body["held_mg"], body["debt_mg"], body["lifetime_mg"]) == (0, 100_000, 100_000, 0)


async def test_grams_of_a_voided_hold_repay_the_debt(accounting: Accounting, ledger_operators: LedgerOperators) -> None:
    person = await accounting.citizen()
    ride, hold_id = person.bus(), uuid.uuid4()
    await accounting.post(ride)
    assert (await Holds(accounting).place(person, 100_000, hold_id)).status_code == 201
    proposal = await ledger_operators.propose_reversal("ann", ride.event_key)
    await ledger_operators.call("bob", f"/reversals/{proposal}/approve")
    assert (await Holds(accounting).call("POST", f"/{hold_id}/void")).status_code == 200
    body = await accounting.get(person, "/me/balance")
    assert (body["available_mg"], body["held_mg"], body["debt_mg"], body["lifetime_mg"]) == (0, 0, 0, 0)


async def test_an_activity_without_grams_or_already_reversed_cannot_be_reversed(
    accounting: Accounting, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    rides = [person.bus(), person.bus(), person.bus()]
    await accounting.post(*rides)
    path = "/activities/{}/reversals"
    assert refusal(await ledger_operators.call("ann", path.format(rides[2].event_key), WHY)) == (
        409,
        "ACTIVITY_NOT_CREDITED",
    )
    assert refusal(await ledger_operators.call("ann", path.format(uuid.uuid4()), WHY)) == (404, "ACTIVITY_NOT_FOUND")
    proposal = await ledger_operators.propose_reversal("ann", rides[0].event_key)
    await accounting.post(cancel(person, rides[0]))
    await accounting.release()
    assert refusal(await ledger_operators.call("bob", f"/reversals/{proposal}/approve")) == (409, "ALREADY_REVERSED")
    rejected = await ledger_operators.call("ann", f"/reversals/{proposal}/reject")
    assert (rejected.status_code, rejected.json()["status"]) == (200, "rejected")
    assert refusal(await ledger_operators.call("bob", f"/reversals/{proposal}/approve")) == (409, "PROPOSAL_DECIDED")
    assert refusal(await ledger_operators.call("bob", f"/unfreezes/{proposal}/approve")) == (404, "PROPOSAL_NOT_FOUND")
    # A later cancellation by the partner is refused.
    again = await ledger_operators.propose_reversal("ann", rides[1].event_key)
    await ledger_operators.call("bob", f"/reversals/{again}/approve")
    await accounting.post(cancel(person, rides[1]))
    await accounting.release()
    assert await available(accounting, person) == 150_000  # of the third ride, which had been refused for the cap


async def test_freezing_needs_a_reason_and_the_ledger_scope(
    accounting: Accounting, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    path = f"/accounts/{person.account_id}/freeze"
    assert (await ledger_operators.call("ann", path, {"reason": "  x  "})).status_code == 422
    assert (await ledger_operators.call("ann", path, {"reason": "x" * 501})).status_code == 422
    for scope in ("ops:read", "citizen"):
        assert (await ledger_operators.call("ann", path, WHY, scope=scope)).status_code == 403


async def test_two_approvals_at_once_reverse_an_activity_once(
    accounting: Accounting, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    rides = [person.bus(), person.bus()]
    await accounting.post(*rides)
    proposals = [await ledger_operators.propose_reversal("ann", ride.event_key) for ride in rides]
    answers = await asyncio.gather(
        *(ledger_operators.call(who, f"/reversals/{each}/approve") for each in proposals for who in ("bob", "cai"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    assert {refusal(answer)[1] for answer in answers if answer.status_code == 409} == {"PROPOSAL_DECIDED"}


async def test_500_activities_each_approved_twice_at_once_are_reversed_once(accounting: Accounting) -> None:
    people = [await accounting.citizen() for _ in range(250)]
    rides = [ride for person in people for ride in (person.bus(), person.bus())]
    await accounting.post(*rides)
    async with accounting.database.transaction() as session:
        proposals = [
            await operations.propose_reversal(
                session, accounting.approvals, activity_id=ride.event_key, reason="test", operator=operator("ann")
            )
            for ride in rides
        ]

    async def approve_all(who: str, some: list[Proposal]) -> list[str]:
        answers = []
        for row in some:
            try:
                async with accounting.database.transaction() as session:
                    await operations.approve(
                        session,
                        accounting.approvals,
                        kind="reversal",
                        proposal_id=row.proposal_id,
                        operator=operator(who),
                    )
                answers.append("reversed")
            except ProposalDecided:
                answers.append("refused")
        return answers

    # Four pairs of operators; the two of a pair go through the same proposals in the same order.
    quarters = [proposals[first::4] for first in range(4)]
    done = await asyncio.gather(*(approve_all(who, some) for some in quarters for who in ("bob", "cai")))
    answers = [answer for part in done for answer in part]
    assert (answers.count("reversed"), answers.count("refused")) == (500, 500)
    assert (await accounting.check())["postings"] == 1000


async def test_a_cancellation_and_a_reversal_at_once_take_the_grams_back_once(
    accounting: Accounting, ledger_operators: LedgerOperators
) -> None:
    people = [await accounting.citizen() for _ in range(12)]
    rides = [(person, ride) for person in people for ride in (person.bus(), person.bus())]
    await accounting.post(*(ride for _, ride in rides))
    proposals = [await ledger_operators.propose_reversal("ann", ride.event_key) for _, ride in rides]
    await accounting.post(*(cancel(person, ride) for person, ride in rides))

    async def approve_all(some: list[str]) -> list[int]:
        return [(await ledger_operators.call("bob", f"/reversals/{each}/approve")).status_code for each in some]

    async def sweep() -> list[int]:
        await accounting.release()
        return []

    answers = await asyncio.gather(approve_all(proposals), sweep(), sweep(), sweep())
    assert set(answers[0]) <= {200, 409}
    await accounting.release()
    assert (await accounting.check())["postings"] == 48
    for person in people:
        assert await available(accounting, person) == 0
