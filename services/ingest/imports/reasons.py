"""Sentences for rejected lines and files. Codes of events are those of the intake."""

from collections.abc import Mapping
from typing import Final

from services.ingest.events import service as events
from shared.language import Language, Text

MALFORMED_LINE: Final = "MALFORMED_LINE"
LINE_TOO_LONG: Final = "LINE_TOO_LONG"
COLUMN_COUNT: Final = "COLUMN_COUNT"

NOT_UTF8: Final = "NOT_UTF8"
EMPTY_FILE: Final = "EMPTY_FILE"
UNKNOWN_COLUMN: Final = "UNKNOWN_COLUMN"
DUPLICATE_COLUMN: Final = "DUPLICATE_COLUMN"
MISSING_COLUMN: Final = "MISSING_COLUMN"
BAD_GZIP: Final = "BAD_GZIP"
FILE_TOO_LONG: Final = "FILE_TOO_LONG"
SHA256_MISMATCH: Final = "SHA256_MISMATCH"
PARTNER_UNKNOWN: Final = "PARTNER_UNKNOWN"
UPLOAD_ABANDONED: Final = "UPLOAD_ABANDONED"


_SENTENCES: Final[Mapping[str, Text]] = {
    events.INVALID_TEXT: Text(
        "不是有效的 UTF-8（可能是 GBK）；请用“CSV UTF-8”另存。", "Not valid UTF-8 (perhaps GBK): save as UTF-8."
    ),
    MALFORMED_LINE: Text("引号不成对；一条记录须在一行之内。", "Quotes do not match; a record is one line."),
    LINE_TOO_LONG: Text("一行超过 16 KiB。", "A line is longer than 16 KiB."),
    COLUMN_COUNT: Text("列数与表头不同。", "The number of columns differs from the header."),
    NOT_UTF8: Text(
        "文件不是 UTF-8（可能是 GBK 或 UTF-16）；请另存为“CSV UTF-8”。没有任何一行生效。",
        "The file is not UTF-8 (perhaps GBK or UTF-16): save it as UTF-8. No line took effect.",
    ),
    EMPTY_FILE: Text("文件里没有内容。", "The file has no content."),
    UNKNOWN_COLUMN: Text("表头有未定义的列：{detail}", "The header has unknown columns: {detail}"),
    DUPLICATE_COLUMN: Text("表头有重复的列：{detail}", "The header has a column twice: {detail}"),
    MISSING_COLUMN: Text("表头缺少列：{detail}", "The header lacks a column: {detail}"),
    BAD_GZIP: Text("不是完整的 gzip 文件。", "Not a complete gzip file."),
    FILE_TOO_LONG: Text("解压后的行数或字节数超过上限。", "Too many lines or bytes after unpacking."),
    SHA256_MISMATCH: Text(
        "收到的内容与声明的 sha256 不符。没有任何一行生效。",
        "The received content does not have the announced sha256. No line took effect.",
    ),
    PARTNER_UNKNOWN: Text("合作方已不在登记中。", "The partner is not registered any more."),
    UPLOAD_ABANDONED: Text("上传未在期限内完成。", "The upload was not completed in time."),
}


class BadFile(Exception):
    """The whole file is rejected. `detail` names columns, never content."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code} {detail}".strip())


def message_of(code: str, field: str | None, language: Language, detail: str = "") -> str:
    sentence = _SENTENCES.get(code)
    if sentence is None:
        return events.message_of(code, field, language)
    return sentence.pick(language).format(detail=detail)
