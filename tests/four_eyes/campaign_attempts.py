"""How one operator tries to open or change a campaign alone, and closes one."""

import uuid
from typing import Any, Final

from tests.four_eyes.attempts import BECAUSE, attempt
from tests.four_eyes.conftest import City

OPS: Final = "/api/v1/rewards/ops/campaigns"
_PROPOSALS: Final = "/api/v1/rewards/ops/proposals"
_CONTENT: Final[dict[str, Any]] = {
    "kind": "charity",
    "title_zh": "护岸林",
    "title_en": "Trees",
    "target_mg": 10**9,
    "min_mg": 1_000,
    "max_mg": 10**6,
    "starts_at": "2026-01-01T00:00:00+08:00",
    "ends_at": "2090-01-01T00:00:00+08:00",
    **BECAUSE,
}


async def _opened(city: City) -> str:
    campaign_id = f"c-{uuid.uuid4().hex[:8]}"
    made = await city.did(202, "POST", OPS, {**_CONTENT, "campaign_id": campaign_id}, by="ann")
    await city.did(200, "POST", f"{_PROPOSALS}/{made['proposal_id']}/approve", BECAUSE, by="bob")
    return campaign_id


@attempt("POST", OPS)
async def open_campaign(city: City) -> None:
    await city.mark()
    made = await city.did(202, "POST", OPS, {**_CONTENT, "campaign_id": f"mine-{uuid.uuid4().hex[:8]}"})
    await city.did(409, "POST", f"{_PROPOSALS}/{made['proposal_id']}/approve", BECAUSE)


@attempt("POST", f"{OPS}/{{campaign_id}}/changes")
async def change_campaign(city: City) -> None:
    """Another's change is not approved with what was slipped in: the open proposal blocks a second one."""
    campaign_id = await _opened(city)
    path = f"{OPS}/{campaign_id}/changes"
    made = await city.did(202, "POST", path, {**_CONTENT, "target_mg": 2 * 10**9}, by="ann")
    await city.mark()
    await city.did(409, "POST", path, {**_CONTENT, "target_mg": 10**12})
    await city.did(200, "POST", f"{_PROPOSALS}/{made['proposal_id']}/reject", BECAUSE, by="ann")
    await city.did(202, "POST", path, {**_CONTENT, "target_mg": 10**12})


@attempt("POST", f"{OPS}/{{campaign_id}}/close")
async def close_campaign(city: City) -> None:
    """It takes no more donations, for good: the same operator cannot change it back."""
    campaign_id = await _opened(city)
    await city.mark()
    await city.did(200, "POST", f"{OPS}/{campaign_id}/close", BECAUSE)
    await city.did(409, "POST", f"{OPS}/{campaign_id}/changes", {**_CONTENT, "target_mg": 10**12})
