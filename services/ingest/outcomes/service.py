"""Use cases of the feed: append verdicts, read them after a position, and keep the place of a stopped webhook."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.ingest.outcomes import repository
from services.ingest.outcomes.domain import Result, pack, result_of, unpack
from services.ingest.outcomes.errors import OutcomesExpired
from shared import clock, field_sentences
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.db import Session
from shared.errors import FieldError, InvalidRequest

__all__ = [
    "FeedPage",
    "Result",
    "WebhookState",
    "append",
    "catching_up",
    "delete_old",
    "is_bulk",
    "mark_bulk",
    "read_after",
    "resume_webhook",
    "stop_webhook",
    "take_for_webhook",
    "want_parked",
    "webhook_states",
]

# As long as deliveries. A partner that was away longer reconciles.
VERDICTS_KEPT = timedelta(days=30)
# Events wait for a binding for seven days. A verdict after that is rare, and may travel with the fresh ones.
_BULK_KEPT = timedelta(days=8)
_DELETE_MAX = 5_000
# A request with a filter reads no more than this and answers with what it found.
_BLOCKS_READ_MAX = 50


@dataclass(frozen=True, slots=True)
class FeedPage:
    """`next_position` is where to go on, also at the end of the feed."""

    results: Sequence[Result]
    next_position: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class WebhookState:
    """What a webhook is to be sent beside fresh verdicts."""

    parked_wanted: bool = False
    catching_up: bool = False


async def append(session: Session, verdicts: Sequence[ActivityJudged]) -> dict[str, list[Result]]:
    """Add verdicts to the feeds of their partners. Return them by partner.

    Locks the feeds until the commit, so it should be among the last steps of a transaction.
    """
    by_partner: dict[str, list[Result]] = {}
    for verdict in verdicts:
        by_partner.setdefault(verdict.partner_id, []).append(result_of(verdict))
    if not by_partner:
        return {}
    last = await repository.advance(session, {name: len(results) for name, results in by_partner.items()})
    rows: list[tuple[str, int, int, bytes]] = []
    for name, results in by_partner.items():
        position = last[name] - len(results)
        for count, items in pack(results):
            position += count
            rows.append((name, position, count, items))
    await repository.add_blocks(session, rows)
    return by_partner


async def read_after(
    session: Session, *, partner_id: str, after: int | None, status: str | None, limit: int
) -> FeedPage:
    """Verdicts after a position, or from the oldest one kept. Raises OutcomesExpired, InvalidRequest."""
    feed = await repository.find_feed(session, partner_id)
    newest, deleted = (feed["last_position"], feed["deleted_through"]) if feed is not None else (0, 0)
    if after is not None and not 0 <= after <= newest:
        raise InvalidRequest(field_errors=[FieldError("query.after", "INVALID_CURSOR", field_sentences.NOT_A_CURSOR)])
    if after is not None and after < deleted:
        raise OutcomesExpired
    position = deleted if after is None else after
    blocks = await repository.list_blocks(session, partner_id, position, _blocks_for(limit, status))
    shown: list[Result] = []
    for number, result in unpack(blocks, position):
        if len(shown) == limit:
            break
        position = number
        if status is None or result.status == status:
            shown.append(result)
    return FeedPage(shown, position, has_more=position < newest)


def _blocks_for(limit: int, status: str | None) -> int:
    """A block has at least one verdict, so without a filter more than `limit` blocks are never needed."""
    return _BLOCKS_READ_MAX if status is not None else min(limit, _BLOCKS_READ_MAX)


async def stop_webhook(session: Session, partner_id: str) -> None:
    """Keep the place where the webhook stopped."""
    feed = await repository.lock_feed(session, partner_id)
    after = feed["webhook_after"] if feed["webhook_after"] is not None else feed["last_position"]
    await repository.change_feed(session, partner_id, webhook_after=after, webhook_through=None)


async def resume_webhook(session: Session, partner_id: str) -> None:
    """Begin to catch up with what came since the webhook stopped."""
    feed = await repository.lock_feed(session, partner_id)
    if feed["webhook_after"] is not None:
        await repository.change_feed(session, partner_id, webhook_through=feed["last_position"])


async def catching_up(session: Session) -> Sequence[str]:
    """Partners whose webhook catches up. Their feeds are locked. One that another process has locked is left out."""
    return [row["partner_id"] for row in await repository.list_catching_up(session)]


async def take_for_webhook(session: Session, partner_id: str, blocks: int) -> list[Result]:
    """The next verdicts that the webhook has missed, from at most this many blocks. The place moves behind them."""
    feed = await repository.lock_feed(session, partner_id)
    after, through = feed["webhook_after"], feed["webhook_through"]
    found = unpack(await repository.list_blocks(session, partner_id, after, blocks), after)
    missed = [(position, result) for position, result in found if position <= through]
    is_done = not missed or missed[-1][0] == through
    values = {"webhook_after": None, "webhook_through": None} if is_done else {"webhook_after": missed[-1][0]}
    await repository.change_feed(session, partner_id, **values)
    return [result for _, result in missed if result.status != "parked" or feed["parked_wanted"]]


async def want_parked(session: Session, partner_id: str, wanted: bool) -> None:
    await repository.lock_feed(session, partner_id)
    await repository.change_feed(session, partner_id, parked_wanted=wanted)


async def webhook_states(session: Session, partner_ids: Collection[str]) -> dict[str, WebhookState]:
    """A partner without verdicts is left out."""
    feeds = await repository.feeds_of(session, partner_ids)
    return {
        name: WebhookState(row["parked_wanted"], catching_up=row["webhook_through"] is not None)
        for name, row in feeds.items()
    }


async def mark_bulk(session: Session, *, partner_id: str, first: UUID, last: UUID) -> None:
    """Results of these receipts, of an imported file, give way to fresh ones."""
    await repository.add_bulk(session, partner_id, first, last)


async def is_bulk(session: Session, results: Mapping[str, Sequence[Result]]) -> dict[str, list[bool]]:
    """For each verdict, whether its receipt is of an imported file."""
    ranges: dict[str, list[tuple[UUID, UUID]]] = {}
    for name, first, last in await repository.list_bulk(session, results):
        ranges.setdefault(name, []).append((first, last))
    return {
        name: [any(first <= one.receipt_id <= last for first, last in ranges.get(name, ())) for one in mine]
        for name, mine in results.items()
    }


async def delete_old(session: Session) -> None:
    """Timed job. Deletes a bounded number per run."""
    now = clock.now()
    await repository.delete_old_blocks(session, now - VERDICTS_KEPT, _DELETE_MAX)
    await repository.delete_old_bulk(session, now - _BULK_KEPT)
