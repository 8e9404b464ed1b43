"""Sentences for rejected lines and files. Codes of events are those of the intake."""

from collections.abc import Mapping
from typing import Final

from services.ingest.events import service as events
from shared.language import Language, Text

MALFORMED_LINE: Final = "MALFORMED_LINE"
LINE_TOO_LONG: Final = "LINE_TOO_LONG"
COLUMN_COUNT: Final = "COLUMN_COUNT"
VALUE_WITHOUT_COLUMN: Final = "VALUE_WITHOUT_COLUMN"
MANGLED_NUMBER: Final = "MANGLED_NUMBER"

NOT_UTF8: Final = "NOT_UTF8"
NOT_IN_CHARSET: Final = "NOT_IN_CHARSET"
ENCODING_UNCLEAR: Final = "ENCODING_UNCLEAR"
WRONG_SEPARATOR: Final = "WRONG_SEPARATOR"
EMPTY_FILE: Final = "EMPTY_FILE"
UNKNOWN_COLUMN: Final = "UNKNOWN_COLUMN"
DUPLICATE_COLUMN: Final = "DUPLICATE_COLUMN"
MISSING_COLUMN: Final = "MISSING_COLUMN"
BAD_GZIP: Final = "BAD_GZIP"
FILE_TOO_LONG: Final = "FILE_TOO_LONG"
SHA256_MISMATCH: Final = "SHA256_MISMATCH"
PARTNER_UNKNOWN: Final = "PARTNER_UNKNOWN"
UPLOAD_ABANDONED: Final = "UPLOAD_ABANDONED"


SENTENCES: Final[Mapping[str, Text]] = {
    events.INVALID_TEXT: Text(
        "不是有效的 UTF-8（可能是 GBK）；请用“CSV UTF-8”另存。", "Not valid UTF-8 (perhaps GBK): save as UTF-8."
    ),
    MALFORMED_LINE: Text("引号不成对；一条记录须在一行之内。", "Quotes do not match; a record is one line."),
    LINE_TOO_LONG: Text("一行超过 16 KiB。", "A line is longer than 16 KiB."),
    COLUMN_COUNT: Text("列数与表头不同。", "The number of columns differs from the header."),
    VALUE_WITHOUT_COLUMN: Text("有内容的一列没有列名。", "A value stands in a column without a name."),
    MANGLED_NUMBER: Text(
        "编号已被表格软件改写（如 1.23457E+17），原编号已丢失；请把该列设为“文本”后重新导出。",
        "A program rewrote this number (such as 1.23457E+17) and its digits are lost: export the column as text.",
    ),
    NOT_UTF8: Text(
        "文件不是 UTF-8（可能是 GBK 或 UTF-16）；请另存为“CSV UTF-8”，或上传时写明 charset=gb18030。没有任何一行生效。",
        "The file is not UTF-8 (perhaps GBK or UTF-16): save it as UTF-8, or upload it with charset=gb18030. No line"
        " took effect.",
    ),
    NOT_IN_CHARSET: Text(
        "文件内容不是所声明的 charset={detail}。没有任何一行生效。",
        "The content is not in the stated charset={detail}. No line took effect.",
    ),
    ENCODING_UNCLEAR: Text(
        "无法判断文件是 UTF-8 还是 GBK；请在上传时写明 charset=utf-8 或 charset=gb18030。没有任何一行生效。",
        "The file may be UTF-8 or GBK: upload it with charset=utf-8 or charset=gb18030. No line took effect.",
    ),
    WRONG_SEPARATOR: Text(
        "各列须以英文逗号分隔；没有任何一行生效。", "Columns are separated by commas. No line took effect."
    ),
    EMPTY_FILE: Text("文件里没有内容。", "The file has no content."),
    UNKNOWN_COLUMN: Text("表头有未定义的列：{detail}。", "The header has unknown columns: {detail}."),
    DUPLICATE_COLUMN: Text("表头有重复的列：{detail}。", "The header has a column twice: {detail}."),
    MISSING_COLUMN: Text("表头缺少列：{detail}。", "The header lacks a column: {detail}."),
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


_ZONE: Final = Text(
    "时间没有时区时，可在上传时写明 zone=Asia/Shanghai（仅 CSV）。",
    " For times without an offset upload a CSV file with zone=Asia/Shanghai.",
)


def message_of(code: str, field: str | None, language: Language, detail: str = "") -> str:
    sentence = SENTENCES.get(code)
    if sentence is None:
        more = _ZONE.pick(language) if code == events.INVALID_TIME else ""
        return events.message_of(code, field, language) + more
    return sentence.pick(language).format(detail=detail)
