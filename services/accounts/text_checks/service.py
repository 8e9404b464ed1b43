"""Is a text harmless that other people will see? WeChat says so; where it is not sure, an operator decides.

`pass`: the text may be used. `risky`: it is refused. `review`: it is refused for now and waits for an operator. If the
operator allows it, the same person may send the same text again and it is taken without asking WeChat. No other room
has to keep a text that nobody may see yet.

While WeChat does not answer, the text is refused with 503: nothing unchecked is ever shown.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.text_checks import repository
from services.accounts.text_checks.errors import TextCheckNotFound, TextRisky, TextUnderReview
from services.accounts.text_checks.models import TextCheck
from services.accounts.users import service as users
from services.accounts.vault import Vault
from services.accounts.wechat.answers import TextAnswer, WeChatRefusal
from services.accounts.wechat.client import WeChatClient
from services.accounts.wechat.errors import WxAskLater, WxBusy, WxLogInAgain, WxUnavailable
from shared import clock
from shared.db import Database, Session
from shared.errors import Unauthenticated
from shared.ids import new_id

TextKind = Literal["nickname", "household_name"]

CHECKS_QUOTA: Final = Quota("text_check", at_most=30, window_s=86_400)
KEPT: Final = timedelta(days=90)
_TEXT_CHARS_MAX: Final = 200
_EXPORTED_MAX: Final = 1_000
# WeChat's scene 1 is profiles. Both kinds are names that stand in a profile.
_SCENES: Final[Mapping[TextKind, int]] = {"nickname": 1, "household_name": 1}
_NOT_SEEN_LATELY: Final = 61010
_OPENID_INVALID: Final = 40003
_RETRY_AFTER_S: Final = 5


@dataclass(frozen=True, slots=True)
class WaitingText:
    """A text that an operator decides on, without its person. `label` is WeChat's kind of risk."""

    check_id: uuid.UUID
    kind: str
    text: str
    label: int
    created_at: datetime


async def require_harmless(
    database: Database, *, wechat: WeChatClient, vault: Vault, user_id: uuid.UUID, kind: TextKind, text: str
) -> None:
    """Return if the text may be shown to other people. Call it before the first statement of the change.

    It opens short transactions of its own: no connection waits for WeChat. The attempt counts, also if it fails.
    Raises TextRisky, TextUnderReview, WxLogInAgain (WeChat has not seen the person for two hours), WxAskLater,
    QuotaExceeded, Unauthenticated (the user is gone).
    """
    assert 0 < len(text) <= _TEXT_CHARS_MAX  # the caller's schema says so
    kind_and_text = f"{kind}\x00{text}"
    async with database.transaction() as session:
        await quotas.count_use(session, user_id=user_id, quota=CHECKS_QUOTA)
        openid = await users.read_openid(session, vault=vault, user_id=user_id)
        known = await repository.find(session, user_id=user_id, kind=kind, hashes=vault.hashes("text", kind_and_text))
    if openid is None:
        raise Unauthenticated
    if known is not None:
        _require_allowed(known)
        return
    answer = await _ask(wechat, openid=openid, kind=kind, text=text)
    if answer.suggest == "risky":
        raise TextRisky
    if answer.suggest == "review":
        async with database.transaction() as session:
            await repository.add(
                session,
                {
                    "check_id": new_id(),
                    "user_id": user_id,
                    "kind": kind,
                    "text_hash": vault.deriving_key.hash("text", kind_and_text),
                    "text_sealed": vault.seal("text", user_id, text),
                    "label": answer.label,
                    "status": "waiting",
                    "created_at": clock.now(),
                },
            )
        raise TextUnderReview


def _require_allowed(known: TextCheck) -> None:
    if known.status == "refused":
        raise TextRisky
    if known.status == "waiting":
        raise TextUnderReview


async def _ask(wechat: WeChatClient, *, openid: str, kind: TextKind, text: str) -> TextAnswer:
    try:
        return await wechat.check_text(openid=openid, scene=_SCENES[kind], text=text)
    except WeChatRefusal as refusal:
        if refusal.errcode in {_NOT_SEEN_LATELY, _OPENID_INVALID}:
            raise WxLogInAgain from None
        raise WxAskLater(retry_after_s=_RETRY_AFTER_S) from None
    except (WxUnavailable, WxBusy):
        raise WxAskLater(retry_after_s=_RETRY_AFTER_S) from None


async def list_waiting(session: Session, *, vault: Vault, after: uuid.UUID | None, limit: int) -> Sequence[WaitingText]:
    """List the texts that wait, oldest first."""
    rows = await repository.list_waiting(session, after=after, at_most=limit)
    return [
        WaitingText(
            row.check_id, row.kind, vault.unseal("text", row.user_id, row.text_sealed), row.label, row.created_at
        )
        for row in rows
    ]


async def decide(session: Session, *, check_id: uuid.UUID, allow: bool) -> str:
    """Allow or refuse a text, and return its kind. A text decided before may be decided anew.

    Raises TextCheckNotFound.
    """
    row = await repository.lock(session, check_id=check_id)
    if row is None:
        raise TextCheckNotFound
    row.status, row.decided_at = ("allowed" if allow else "refused"), clock.now()
    return row.kind


async def erase_user(session: Session, *, user_id: uuid.UUID) -> None:
    await repository.delete_of_user(session, user_id=user_id)


async def export_user(session: Session, *, vault: Vault, user_id: uuid.UUID) -> Sequence[Mapping[str, object]]:
    """Return the texts of a person that an operator decided or will decide on."""
    return [
        {
            "kind": row.kind,
            "text": vault.unseal("text", user_id, row.text_sealed),
            "status": row.status,
            "created_at": row.created_at,
            "decided_at": row.decided_at,
        }
        for row in await repository.list_of_user(session, user_id=user_id, at_most=_EXPORTED_MAX)
    ]


async def purge_past(session: Session, *, at_most: int) -> None:
    """Delete old decisions, and texts on which nobody decided."""
    await repository.delete_past(session, before=clock.now() - KEPT, at_most=at_most)
