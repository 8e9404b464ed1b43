"""Fetches codes of the mini-program from WeChat and keeps them for some hours in this process."""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from services.accounts.wechat.answers import WeChatRefusal
from services.accounts.wechat.client import WeChatClient
from services.accounts.wechat.errors import QrPageUnknown, WxAskLater, WxBusy, WxUnavailable
from shared.shared_calls import SharedCalls

KEPT_S: Final = 6 * 3600
# An image has about 30 kB: a full cache 15 MB a process.
IMAGES_MAX: Final = 500
_PAGE_UNKNOWN: Final = 41030
_RATE_LIMITED: Final = 45009
_RETRY_AFTER_S: Final = 5
_RATE_RETRY_AFTER_S: Final = 60
_ENV_VERSIONS: Final = {"formal": "release", "trial": "trial", "developer": "develop"}


@dataclass(frozen=True, slots=True)
class QrCode:
    image: bytes
    media_type: str
    etag: str


class QrCodes:
    """The codes that this process has fetched, by page and scene. The oldest give way."""

    def __init__(self, *, kept_s: float = KEPT_S, images_max: int = IMAGES_MAX) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[float, QrCode]] = OrderedDict()
        self._calls: SharedCalls[tuple[str, str], QrCode] = SharedCalls()
        self._kept_s, self._images_max = kept_s, images_max

    def find(self, *, page: str, scene: str) -> QrCode | None:
        found = self._kept.get((page, scene))
        return found[1] if found is not None and time.monotonic() < found[0] else None

    async def get(self, wechat: WeChatClient, *, page: str, scene: str, version: str) -> QrCode:
        """Return a code. One request fetches it, and others for the same one wait for the result.

        Raises QrPageUnknown, WxAskLater.
        """
        found = self.find(page=page, scene=scene)
        if found is not None:
            return found

        async def fetch() -> QrCode:
            code = await _fetch(wechat, page=page, scene=scene, version=version)
            self._kept[page, scene] = (time.monotonic() + self._kept_s, code)
            self._kept.move_to_end((page, scene))
            while len(self._kept) > self._images_max:
                self._kept.popitem(last=False)
            return code

        return await self._calls.run((page, scene), fetch)


async def _fetch(wechat: WeChatClient, *, page: str, scene: str, version: str) -> QrCode:
    try:
        image, media_type = await wechat.fetch_qr_code(scene=scene, page=page, env_version=_ENV_VERSIONS[version])
    except WeChatRefusal as refusal:
        if refusal.errcode == _PAGE_UNKNOWN:
            raise QrPageUnknown from None
        limited = refusal.errcode == _RATE_LIMITED
        raise WxAskLater(retry_after_s=_RATE_RETRY_AFTER_S if limited else _RETRY_AFTER_S) from None
    except (WxUnavailable, WxBusy):
        raise WxAskLater(retry_after_s=_RETRY_AFTER_S) from None
    return QrCode(image, media_type, f'"{hashlib.sha256(image).hexdigest()[:32]}"')
