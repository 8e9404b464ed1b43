"""The guest is recognised: a badge for a first gift, and a place in the rankings under a pseudonym."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from deploy.demo.gateway import DemoFailure
from deploy.demo.life.person import REWARDS, Person, require

DISTRICT: Final = "420106"  # 武昌区
_KNOWN_WITHIN_S: Final = 60
_PAUSE_S: Final = 0.3


async def join_rankings(guest: Person) -> str:
    """Agree to be ranked, and choose one of the pseudonyms offered. Return it."""
    await guest.consent("rankings")
    choices = await guest.call(200, "GET", f"{REWARDS}/me/rankings/choices")
    chosen = choices["pseudonyms"][0]
    wanted = {"pseudonym_id": chosen["pseudonym_id"], "district": DISTRICT}
    await guest.call(200, "PUT", f"{REWARDS}/me/rankings/participation", wanted)
    return str(chosen["text"])


async def wait_for_badges(guest: Person) -> list[str]:
    """Return the names of the badges that the guest has, once there is one."""
    badges = await _once(guest, "/me/badges", lambda found: bool(found["earned"]))
    return [one["name"] for one in badges["items"] if one["earned_at"] is not None]


async def wait_for_rank(guest: Person) -> dict[str, Any]:
    """Return the guest's rank in the own district since the start, and the page that shows it."""
    asked = "scope=district&period=all"
    mine = await _once(guest, f"/me/rank?{asked}", lambda found: found["rank"] is not None)
    page = await guest.call(200, "GET", f"{REWARDS}/rankings?{asked}&limit=100")
    [line] = [one for one in page["items"] if one["is_mine"]]
    require(line["rank"] == mine["rank"], "榜上的名次与我的名次一致 page and own rank agree", line)
    found: dict[str, Any] = line
    return found


async def _once(guest: Person, path: str, is_there: Callable[[Any], bool]) -> Any:
    """Ask until it is there: badges and places follow the verdicts within seconds."""
    for _ in range(int(_KNOWN_WITHIN_S / _PAUSE_S)):
        found = await guest.call(200, "GET", f"{REWARDS}{path}")
        if is_there(found):
            return found
        await asyncio.sleep(_PAUSE_S)
    raise DemoFailure(f"徽章或名次没有及时出现 a badge or a rank came too late: {path} {found}")
