"""What WeChat answers, as types."""

from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class WeChatLogIn:
    """`session_key` lives for one request only. It is never stored, logged or sent to anybody."""

    openid: str
    session_key: SecretStr


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """`label`: 100 is harmless; others name the kind of risk."""

    suggest: Literal["pass", "review", "risky"]
    label: int


class WeChatRefusal(Exception):
    """WeChat answered with an error code and did nothing. The use case decides about the consequence."""

    def __init__(self, errcode: int) -> None:
        super().__init__(str(errcode))
        self.errcode = errcode
