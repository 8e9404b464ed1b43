"""Bounded reader of YAML documents: plain maps, lists, strings and integers, each with its line and column.

The reader works event by event, so it refuses a YAML bomb before it builds values: no anchors or aliases, no tags, no
second document, bounded size, depth and number of values. Values whose type YAML 1.1 guesses (1.5, 0x10, 1:30, yes) are
refused, with the advice to quote them, because numbers of a methodology must be exact.
"""

import re
from collections.abc import Iterator
from typing import Final

import yaml
from yaml import events as ev

from services.accounting.methodologies.errors import DocumentInvalid, Path, Problem
from shared.language import Text

MAX_BYTES: Final = 64 * 1024  # the longest document of the library has 5 KiB
MAX_DEPTH: Final = 10  # documents are five levels deep
MAX_VALUES: Final = 5_000

Plain = dict[str, "Plain"] | list["Plain"] | str | int | bool | None
Marks = dict[Path, tuple[int, int]]

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_EXPONENT: Final = re.compile(r"[-+]?[0-9][0-9_.]*[eE][-+]?[0-9]+")  # a number in YAML 1.2, a text in 1.1
# Escapes in double quotes can produce characters that the database or a reader cannot handle.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# Characters that no screen shows, that reorder what it shows, or that end a line for YAML and for no editor. With them
# a reader approves another text than the one that is parsed (CVE-2021-42574).
_UNSEEN: Final = re.compile(
    "[\x85\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
_RESOLVER: Final = yaml.resolver.Resolver()
_TAGS: Final = {
    "tag:yaml.org,2002:str": "text",
    "tag:yaml.org,2002:timestamp": "text",
    "tag:yaml.org,2002:int": "int",
    "tag:yaml.org,2002:bool": "bool",
    "tag:yaml.org,2002:null": "null",
}


def _position(event: ev.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _invisible(char: str, line: int, column: int, path: Path = ()) -> Problem:
    name = f"U+{ord(char):04X}"
    text = Text(f"不允许看不见的字符 {name}。", f"The invisible character {name} is not allowed.")
    return Problem("INVISIBLE_CHARACTER", path, text, line, column)


class _Reader:
    def __init__(self, text: str) -> None:
        self.events: Iterator[ev.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self.marks: Marks = {}
        self.values = 0

    def refuse(self, code: str, text: Text, event: ev.Event, path: Path) -> DocumentInvalid:
        return DocumentInvalid([Problem(code, path, text, *_position(event))])

    def document(self) -> Plain:
        for event in self.events:
            if not isinstance(event, (ev.StreamStartEvent, ev.DocumentStartEvent)):
                break
        if isinstance(event, ev.StreamEndEvent):
            raise DocumentInvalid([Problem("EMPTY", (), Text("文件是空的。", "The document is empty."))])
        value = self.value(event, (), 0)
        for event in self.events:
            if isinstance(event, ev.DocumentStartEvent):
                raise self.refuse("SECOND_DOCUMENT", Text("一个文件只能有一份。", "Only one per file."), event, ())
        return value

    def value(self, event: ev.Event, path: Path, depth: int) -> Plain:
        self.values += 1
        if self.values > MAX_VALUES:
            raise self.refuse(
                "TOO_MANY_VALUES", Text(f"超过 {MAX_VALUES} 个值。", f"Over {MAX_VALUES} values."), event, path
            )
        if depth > MAX_DEPTH:
            raise self.refuse(
                "TOO_DEEP", Text(f"嵌套超过 {MAX_DEPTH} 层。", f"Nested over {MAX_DEPTH} deep."), event, path
            )
        if isinstance(event, ev.AliasEvent) or getattr(event, "anchor", None):
            raise self.refuse(
                "ALIAS", Text("不允许使用锚点和引用。", "Anchors and aliases are not allowed."), event, path
            )
        if getattr(event, "tag", None) is not None:
            raise self.refuse("TAG", Text("不允许使用类型标签。", "Tags are not allowed."), event, path)
        self.marks[path] = _position(event)
        if isinstance(event, ev.MappingStartEvent):
            return self.mapping(path, depth)
        if isinstance(event, ev.SequenceStartEvent):
            return self.sequence(path, depth)
        assert isinstance(event, ev.ScalarEvent)  # the parser yields nothing else here
        return self.scalar(event, path)

    def mapping(self, path: Path, depth: int) -> Plain:
        found: dict[str, Plain] = {}
        for event in self.events:
            if isinstance(event, ev.MappingEndEvent):
                break
            key = event.value if isinstance(event, ev.ScalarEvent) else None
            if not key or key == "<<" or len(key) > 60:
                raise self.refuse("KEY", Text("键必须是简单的文字。", "Keys must be plain words."), event, path)
            if key in found:
                raise self.refuse(
                    "DUPLICATE_KEY", Text(f"重复的键 {key}。", f"{key} is given twice."), event, (*path, key)
                )
            found[key] = self.value(next(self.events), (*path, key), depth + 1)
        return found

    def sequence(self, path: Path, depth: int) -> Plain:
        found: list[Plain] = []
        for event in self.events:
            if isinstance(event, ev.SequenceEndEvent):
                break
            found.append(self.value(event, (*path, len(found)), depth + 1))
        return found

    def scalar(self, event: ev.ScalarEvent, path: Path) -> Plain:
        text: str = event.value
        if _UNPRINTABLE.search(text):
            raise self.refuse("CONTROL_CHARACTER", Text("不允许控制字符。", "No control characters."), event, path)
        if unseen := _UNSEEN.search(text):  # from an escape: the text itself has none
            raise DocumentInvalid([_invisible(unseen[0], *_position(event), path)])
        if not event.implicit[0]:  # quoted text or a block is always text
            return text
        tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # as above
        kind = _TAGS.get(str(tag), "guess")
        if kind == "text" and not _EXPONENT.fullmatch(text):
            return text
        if kind == "null":
            return None
        if kind == "int" and _INTEGER.fullmatch(text):
            return int(text)
        if kind == "bool" and text in {"true", "false"}:
            return text == "true"
        raise self.refuse(
            "AMBIGUOUS_VALUE",
            Text(
                f"{text[:40]!r} 请加引号：小数写成 '0.5'，其他文字也用引号。",
                f"Quote {text[:40]!r}: decimals are written as '0.5', other texts in quotes too.",
            ),
            event,
            path,
        )


def read_yaml(text: str) -> tuple[Plain, Marks]:
    """Return the plain values of a document and their positions. Raises DocumentInvalid with line and column."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise DocumentInvalid([Problem("TOO_LARGE", (), Text(f"超过 {MAX_BYTES} 字节。", f"Over {MAX_BYTES} bytes."))])
    if unseen := _UNSEEN.search(text, text.startswith("\ufeff")):  # some editors begin a file with this mark
        before = text[: unseen.start()]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise DocumentInvalid([_invisible(unseen[0], *place)])
    try:
        reader = _Reader(text)
        return reader.document(), reader.marks
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
        problem = Problem(
            "NOT_YAML", (), Text(f"不是有效的 YAML：{reason}。", f"Not valid YAML: {reason}."), line, column
        )
        raise DocumentInvalid([problem]) from None
