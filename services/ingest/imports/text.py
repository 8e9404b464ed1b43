"""The encoding of a file. It is decided for the whole file, before any of its lines takes effect."""

from collections.abc import Iterable
from typing import Final, Literal

from services.ingest.imports import reasons
from services.ingest.imports.domain import LINE_BYTES_MAX
from services.ingest.imports.reasons import BadFile

Charset = Literal["utf-8", "gb18030"]
CHARSETS: Final[tuple[Charset, ...]] = ("utf-8", "gb18030")

# GB18030 contains GBK and GB2312. Spreadsheets of a Chinese Windows call their encoding by any of these names.
_NAMES: Final[dict[str, Charset]] = {
    "utf-8": "utf-8", "utf8": "utf-8", "utf-8-sig": "utf-8",
    "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "cp936": "gb18030", "ms936": "gb18030",
}  # fmt: skip
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_MARKS: Final[dict[Charset, bytes]] = {"utf-8": b"\xef\xbb\xbf", "gb18030": b"\x84\x31\x95\x33"}
_TWO_BYTES_MAX: Final = "\u07ff"
_CHINESE: Final = (("\u3000", "\u303f"), ("\u4e00", "\u9fff"), ("\uff00", "\uffef"))


def charset_of(name: str) -> Charset | None:
    return _NAMES.get(name.strip().lower())


def without_mark(first_line: bytes, charset: Charset) -> bytes:
    """The first line of a file without its byte order mark. Raises BadFile for UTF-16."""
    if first_line.startswith(_UTF16):
        raise BadFile(reasons.NOT_UTF8 if charset == "utf-8" else reasons.NOT_IN_CHARSET, charset)
    return first_line.removeprefix(_MARKS[charset])


class EncodingCheck:
    """Reads all lines of a file and refuses one that is not in its encoding, or that could be in two.

    In GBK 猫 is the two bytes that are è in UTF-8. Without a stated encoding, a file whose only other characters than
    ASCII are such pairs may be either.
    """

    def __init__(self, stated: Charset | None) -> None:
        self._stated = stated
        self._charset: Charset = stated or "utf-8"
        self._is_other = self._is_clear = False
        self._may_be_utf8 = True

    def add(self, lines: Iterable[bytes]) -> None:
        """Raises BadFile for text that is not in the encoding."""
        # A line that is too long was cut, perhaps inside a character. It is rejected by its number later.
        chunk = b"\n".join(line for line in lines if len(line) <= LINE_BYTES_MAX)
        if chunk.isascii():
            return
        try:
            text = chunk.decode(self._charset)
        except UnicodeDecodeError as exc:
            raise BadFile(
                reasons.NOT_UTF8 if self._charset == "utf-8" else reasons.NOT_IN_CHARSET, self._charset
            ) from exc
        # Decoding a second time takes most of the time, so it ends with the first line that tells.
        if self._stated is None and not self._is_clear:
            self._look_for_chinese(chunk, text)
        elif self._stated == "gb18030" and self._may_be_utf8:
            self._look_for_utf8(chunk)

    def finish(self) -> None:
        """Raises BadFile for a file that could be in two encodings."""
        if self._stated is None and self._is_other and not self._is_clear:
            raise BadFile(reasons.ENCODING_UNCLEAR)
        if self._stated == "gb18030" and self._may_be_utf8 and self._is_other:
            raise BadFile(reasons.NOT_IN_CHARSET, "gb18030")

    def _look_for_chinese(self, chunk: bytes, text: str) -> None:
        if max(text) > _TWO_BYTES_MAX:
            self._is_clear = True  # three bytes for a character: no accident
            return
        try:
            other = chunk.decode("gb18030")
        except UnicodeDecodeError:
            self._is_clear = True
        else:
            self._is_other = True
            self._is_clear = self._is_clear or not all(_is_chinese(one) for one in other if one > "\x7f")

    def _look_for_utf8(self, chunk: bytes) -> None:
        try:
            text = chunk.decode()
        except UnicodeDecodeError:
            self._may_be_utf8 = False
        else:
            self._is_other = self._is_other or max(text) > _TWO_BYTES_MAX


def _is_chinese(char: str) -> bool:
    return any(first <= char <= last for first, last in _CHINESE)
