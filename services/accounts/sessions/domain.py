"""Which kind of device a session began on, read from the User-Agent of the log-in.

Only the kind is stored: a whole User-Agent, or an address, would tell the model, the version and the place.
"""

from enum import StrEnum
from typing import Final

# The header of WeChat has some 250 characters. Marks beyond this are not read.
USER_AGENT_CHARS_MAX: Final = 1024


class Device(StrEnum):
    DEVELOPER_TOOLS = "developer_tools"
    WECHAT_IPHONE = "wechat_iphone"
    WECHAT_IPAD = "wechat_ipad"
    WECHAT_HARMONY = "wechat_harmony"
    WECHAT_ANDROID = "wechat_android"
    WECHAT_COMPUTER = "wechat_computer"
    OTHER = "other"


_WECHAT = "micromessenger"
# In order: the developer tools also name WeChat and a phone, HarmonyOS may also name Android, an iPad an iPhone.
_MARKS: Final = (
    (("wechatdevtools",), Device.DEVELOPER_TOOLS),
    (("windowswechat", "macwechat", "unifiedpcwindowswechat", "unifiedpcmacwechat"), Device.WECHAT_COMPUTER),
    (("ipad",), Device.WECHAT_IPAD),
    (("iphone",), Device.WECHAT_IPHONE),
    (("openharmony", "harmonyos"), Device.WECHAT_HARMONY),
    (("android",), Device.WECHAT_ANDROID),
    (("windows nt", "macintosh", "linux x86"), Device.WECHAT_COMPUTER),
)


def read_device(user_agent: str | None) -> Device:
    """Read the kind of device. Whatever does not name WeChat or its tools is OTHER."""
    text = (user_agent or "")[:USER_AGENT_CHARS_MAX].lower()
    if _WECHAT not in text and "wechatdevtools" not in text:
        return Device.OTHER
    return next((device for marks, device in _MARKS if any(mark in text for mark in marks)), Device.OTHER)
