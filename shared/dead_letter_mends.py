"""Mends of dead letters: one operator proposes, another one approves, then the mended record is published once.

A mend may change only what made the record unreadable:

* The record is a JSON object that its consumer cannot read.
* Every changed field is on the topic's list. Identity, person, partner, evidence and hashes are on no list.
* Every change is necessary: with one of them taken back, the record is unreadable again.
* A number that was only written in another way (`"2360"`, `2360.0`, `"２,３６０"`) stays that number. A code of digits
  that was written as a number (`420100`) stays these digits.

So a mend can neither invent a record nor touch what could be read. The published record carries a mark (`mend`) with
the proposal and the fields. Hashes of the original bytes stay as they were.
"""

import copy
import hashlib
import json
import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from shared import approvals_kinds, dead_letters, sentences
from shared.approvals_kinds import Kind, Proposal
from shared.dead_letters import ReadableCheck, StillUnreadable, masked, masked_text
from shared.errors import Conflict, FieldError, InvalidRequest
from shared.language import Text

KIND: Final = "dead_letter.mend"
MARK: Final = "mend"
"""The member of a published record that names the proposal and the mended fields."""

Mendable = Mapping[str, frozenset[str]]
"""The fields of each topic's record that a mend may change, as dotted paths. Records of other topics are not mended."""

_Path = tuple[str, ...]
_ABSENT: Final = object()
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,2})?")
# Digits in groups of three, as people write them: 1,234,567 and 1 234 567 and 1'234'567.
_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}([,' _][0-9]{3})+(\.[0-9]*)?")
_encode = msgspec.json.Encoder().encode


class NothingToPatch(InvalidRequest):
    code = "NOT_A_JSON_OBJECT"
    says = sentences.NOT_A_JSON_OBJECT


class MendNotNeeded(Conflict):
    code = "MEND_NOT_NEEDED"
    says = sentences.MEND_NOT_NEEDED


class MendNotAllowed(InvalidRequest):
    code = "MEND_NOT_ALLOWED"
    says = sentences.MEND_NOT_ALLOWED


@dataclass(frozen=True, slots=True)
class Change:
    """What an operator asks for: a `patch` (RFC 7396) of the original, or the whole `value` as it should be."""

    patch: Mapping[str, Any] | None = None
    value: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`after` is a JSON scalar; None removes the field."""

    field: str
    after: str | int | float | bool | None


# --- rules, pure ------------------------------------------------------------------------------------------------------


def planned_changes(original: bytes | None, change: Change) -> tuple[FieldChange, ...]:
    """The changed fields, sorted. Raises NothingToPatch, and MendNotAllowed for a change that is no scalar."""
    before = _object_of(original)
    wanted = change.value if change.value is not None else merge_patch(before, dict(change.patch or {}))
    found = []
    for path, after in sorted(_differences(before, wanted)):
        if isinstance(after, dict | list) or any("." in part for part in path):
            raise _not_allowed(path, Text("每次只能修正单个的值。", "A mend changes single values."))
        found.append(FieldChange(".".join(path), None if after is _ABSENT else after))
    return tuple(found)


def mended_bytes(
    original: bytes | None,
    changes: tuple[FieldChange, ...],
    *,
    topic: str,
    readable: ReadableCheck,
    mendable: Mendable,
    mark: Mapping[str, Any] | None = None,
) -> bytes:
    """The record to publish. Raises NothingToPatch, MendNotNeeded, MendNotAllowed, StillUnreadable."""
    before = _object_of(original)
    if readable(topic, original or b"") is None:
        raise MendNotNeeded
    allowed = next((fields for name, fields in mendable.items() if topic.endswith(name)), frozenset[str]())
    after = copy.deepcopy(before)
    for one in changes:
        path = tuple(one.field.split("."))
        if one.field not in allowed:
            raise _not_allowed(path, Text("这一项不能修正。", "This field is never mended."))
        whole = _whole_number(_value_at(before, path))
        if whole is not None and not ((type(one.after) is int and one.after == whole) or one.after == str(whole)):
            raise _not_allowed(path, Text(f"原内容写的就是 {whole}。", f"It says {whole} already."))
        _set_value(after, path, _ABSENT if one.after is None else one.after)
    _require_readable(topic, after, readable)
    for one in changes:
        path = tuple(one.field.split("."))
        without = copy.deepcopy(after)
        _set_value(without, path, _value_at(before, path))
        if readable(topic, _encoded(without)) is None:
            raise _not_allowed(path, Text("这一项读得出来，不能修正。", "This field could be read."))
    if mark is not None:
        after[MARK] = dict(mark)
        _require_readable(topic, after, readable)
    return _encoded(after)


def shown_value(original: bytes | None, field: str) -> str | None:
    """A field of the original for operators: JSON, masked; None if it is absent or the original cannot be read."""
    try:
        value = _value_at(_object_of(original), tuple(field.split(".")))
    except NothingToPatch:
        return None
    return None if value is _ABSENT else masked_text(_encode(value))


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def _require_readable(topic: str, value: Mapping[str, Any], readable: ReadableCheck) -> None:
    why = readable(topic, _encoded(value))
    if why is not None:
        raise StillUnreadable(extensions={"why": masked(why)[:300]})


def _not_allowed(path: _Path, message: Text) -> MendNotAllowed:
    field = masked(".".join(path))[:200]
    return MendNotAllowed(field_errors=[FieldError(field, "NOT_MENDABLE", message)])


def _object_of(original: bytes | None) -> dict[str, Any]:
    """The original as a JSON object whose members everybody reads alike: no key twice, no NaN, valid UTF-8."""
    try:
        found = json.loads(original or b"", object_pairs_hook=_members, parse_constant=_refuse_constant)
        _encode(found)  # a lone surrogate, or a number out of every range
    except (ValueError, RecursionError, msgspec.MsgspecError) as exc:
        raise NothingToPatch from exc
    if not isinstance(found, dict):
        raise NothingToPatch
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key occurs twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _encoded(value: Mapping[str, Any]) -> bytes:
    try:
        return _encode(value)
    except (ValueError, RecursionError, msgspec.MsgspecError) as exc:
        raise StillUnreadable(extensions={"why": "not encodable as JSON"}) from exc


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """(path, new value) of every member that differs. A null in place of an absent member is no difference."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
        new = _ABSENT if new is None and old is not None else new
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, (*path, name))
        elif old is not new and (old is _ABSENT or new is _ABSENT or not _equal(old, new)):
            yield (*path, name), new


def _equal(old: Any, new: Any) -> bool:
    """By their JSON, because in Python `True == 1 == 1.0`."""
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _value_at(value: Any, path: _Path) -> Any:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def _set_value(value: dict[str, Any], path: _Path, new: Any) -> None:
    for name in path[:-1]:
        inner = value.get(name)
        if not isinstance(inner, dict):
            raise _not_allowed(path, Text("每次只能修正单个的值。", "A mend changes single values."))
        value = inner
    if new is _ABSENT:
        value.pop(path[-1], None)
    else:
        value[path[-1]] = new


def _whole_number(value: Any) -> int | None:
    """The whole number that an unreadable value spells: `"2360"`, `"２，３６０"`, `2360.0`, 2360 beyond its bounds."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    spelled = unicodedata.normalize("NFKC", str(value)).strip()
    if _GROUPED.fullmatch(spelled):
        spelled = re.sub("[,' _]", "", spelled)
    if not _NUMBER.fullmatch(spelled):
        return None
    number = Decimal(spelled)
    return int(number) if number == number.to_integral_value() else None


# --- the kind of two-person approval ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LetterMends:
    """The mends of one service's dead letters: which records are readable, and which fields may be mended."""

    schema: str
    scope: str
    readable: ReadableCheck
    mendable: Mendable

    def kind(self) -> Kind:
        return Kind(name=KIND, scope=self.scope, preview=self._preview, act=self._publish)

    async def content(self, session: AsyncSession, letter_id: int, change: Change) -> dict[str, Any]:
        """The content of a proposal. Raises DeadLetterNotFound, MendNotNeeded, NothingToPatch, MendNotAllowed."""
        row = await dead_letters.get_letter(session, self.schema, letter_id)
        if self.readable(row["topic"], row["value"] or b"") is None:
            raise MendNotNeeded
        changes = planned_changes(row["value"], change)
        return {"changes": [{"field": one.field, "after": one.after} for one in changes]}

    async def _preview(self, session: AsyncSession, subject: str, content: Mapping[str, Any]) -> approvals_kinds.Change:
        """Locks the letter. Raises DeadLetterNotFound, DeadLetterResolved, and the errors of `mended_bytes`."""
        row = await dead_letters.lock_open(session, self.schema, letter_of(subject))
        value = self._mended(row, content)
        state = {"reason": row["reason"], "sha256": hashlib.sha256(row["value"] or b"").hexdigest()}
        return approvals_kinds.Change(
            {**state, "value": masked_text(row["value"])}, {**state, "edited": True, "value": masked_text(value)}
        )

    async def _publish(self, session: AsyncSession, proposal: Proposal) -> None:
        letter_id = letter_of(proposal.subject)
        row = await dead_letters.lock_open(session, self.schema, letter_id)
        value = self._mended(row, proposal.content, proposal.proposal_id)
        await dead_letters.publish_again(session, self.schema, letter_id, row, value)
        await dead_letters.resolve(
            session, self.schema, letter_id,
            action="replayed", subject=f"{proposal.proposed_by}+{proposal.decided_by}", reason=proposal.reason,
            edited=True, value=value,
        )  # fmt: skip

    def _mended(
        self, row: Mapping[str, Any], content: Mapping[str, Any], proposal_id: uuid.UUID | None = None
    ) -> bytes:
        changes = tuple(FieldChange(one["field"], one["after"]) for one in content["changes"])
        if not changes:
            raise MendNotAllowed(
                field_errors=[
                    FieldError("body.patch", "NOTHING_CHANGED", Text("没有任何改动。", "It changes nothing."))
                ]
            )
        mark = {"proposal_id": str(proposal_id), "fields": [one.field for one in changes]} if proposal_id else None
        return mended_bytes(
            row["value"], changes, topic=row["topic"], readable=self.readable, mendable=self.mendable, mark=mark
        )


def subject_of(letter_id: int) -> str:
    return f"dead_letter:{letter_id}"


def letter_of(subject: str) -> int:
    return int(subject.removeprefix("dead_letter:"))
