"""Acts that citizens declare: judged at once, like reported acts, as activities of the pseudo-partner SELF_PARTNER.

Only scenes whose methodology accepts self-declared evidence. The token gives the account, so no binding is needed.
Evidence does not raise the tier, because nobody has checked it. The activity stores the hash of the whole declaration,
so that a receipt or photo shown later can be compared.
"""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from services.accounting.claims.errors import SceneNotClaimable, TooManyClaims
from services.accounting.erased_accounts import service as erased_accounts
from services.accounting.judging.acts import SELF_PARTNER
from services.accounting.ledger import service as ledger
from services.accounting.methodologies.compiled import Compiled
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.posting import history
from services.accounting.posting import service as posting
from services.accounting.posting.closing import Programme, closing
from services.accounting.sentences import names
from shared import clock
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.identity import event_key
from shared.db import Session, driver
from shared.errors import IdempotencyKeyReused
from shared.ids import new_id

# Each claim is stored for ever, credited or refused. Caps grant fewer, and nobody shops more often.
CLAIMS_A_DAY_MAX = 20
# The only kind of act that is measured by a number which a person can state.
_COUNTED_KIND: Final = "bag"
_TIER = "self_declared"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A declaration. `city_code` has six digits; None means the region of the scene's methodology.

    `receipt_no` and `photo_sha256` are evidence. The activity stores the hash of the claim's JSON.
    """

    scene: str
    count: int
    city_code: str | None = None
    receipt_no: str | None = None
    photo_sha256: str | None = None


def claimable_versions(index: MethodologyIndex, today: date) -> list[Compiled]:
    """Return the versions in force whose acts citizens may declare."""
    return [
        version
        for version in index.in_force(today)
        if version.kind == _COUNTED_KIND and _TIER in version.amounts and not version.held
    ]


async def declare_act(
    session: Session, *, account_id: uuid.UUID, claim: Claim, request_id: str, programme: Programme
) -> tuple[uuid.UUID, bool]:
    """Judge a declared act. Return the id of its activity, and whether this request id had declared it before.

    Raises AccountErased, SceneNotClaimable, TooManyClaims, IdempotencyKeyReused (the request id came with another
    claim).
    """
    now = clock.now()
    await ledger.lock_people(await driver(session), [account_id])  # a concurrent copy of the request waits here
    await erased_accounts.require_person(session, account_id=account_id)
    report = _report(claim, account_id, request_id, now)
    known = await posting.known_events(session, [report.event_key])
    if known:
        if known[report.event_key].fingerprint != bytes.fromhex(report.fingerprint):
            raise IdempotencyKeyReused
        return report.event_key, True
    today = clock.local_date(now, programme.time_zone)
    city_code = _city_of(claim, claimable_versions(programme.index, today))
    midnight = datetime.combine(today, time.min, ZoneInfo(programme.time_zone))
    if (
        await history.count_reported_since(session, account_id=account_id, partner_id=SELF_PARTNER, since=midnight)
        >= CLAIMS_A_DAY_MAX
    ):
        wait_s = 86_400 - int((now - midnight).total_seconds())
        raise TooManyClaims(limit=CLAIMS_A_DAY_MAX, retry_after_s=max(wait_s, 1))
    assert report.act is not None
    report = msgspec.structs.replace(report, act=msgspec.structs.replace(report.act, city_code=city_code))
    async with closing(session, programme) as closed:
        await posting.post_declared(session, report, account_id, programme=programme, closing=closed)
    return report.event_key, False


def _city_of(claim: Claim, versions: Iterable[Compiled]) -> str:
    regions = {version.document.scene: version.document.region for version in versions}
    if claim.scene not in regions:
        raise SceneNotClaimable(scenes=[names.scene(scene) for scene in sorted(regions)] or "-")
    return claim.city_code or regions[claim.scene].ljust(6, "0")


def _report(claim: Claim, account_id: uuid.UUID, request_id: str, now: datetime) -> ActivityReported:
    digest = hashlib.sha256(msgspec.json.encode(claim)).hexdigest()
    event_id = f"{account_id}:{request_id}"
    receipt = f"{account_id}\x00{claim.receipt_no}".encode() if claim.receipt_no else None
    return ActivityReported(
        event_key=event_key(SELF_PARTNER, event_id),
        partner_id=SELF_PARTNER,
        event_id=event_id,
        receipt_id=new_id(),
        index=0,
        account_key=account_id.hex,
        act=Act(
            kind=_COUNTED_KIND,
            started_at=now,
            city_code=claim.city_code or "",
            count=claim.count,
            natural_key=hashlib.sha256(receipt).hexdigest()[:32] if receipt else None,
        ),
        fingerprint=digest,
        raw_sha256=digest,
        received_at=now,
        late_window_s=0,
        evidence_tier=_TIER,
        receipt_accepted=1,
    )
