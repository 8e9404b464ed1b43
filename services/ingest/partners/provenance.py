"""What the audit log and the approvals prove about partners and keys. Pure.

The entries of a partner are replayed in order. An entry that opens or widens the way to live data counts only with an
approval by a second person, as in `proposals.py`, that a process with the key encryption key has sealed. The stored
rows are then compared with the result: a row that allows more than its records prove is not proved.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from services.ingest.partners.domain import KeyInterval, widens
from shared.approvals_kinds import Proposal, is_same_person
from shared.language import Text

View = Mapping[str, Any]
Opens = Callable[[str, str], bool]
"""Whether a seal (hex) belongs to a place: the proof that a holder of the key encryption key wrote the entry."""

ACTIONS: Final = (
    "partner.register",
    "partner.create",
    "partner.change",
    "partner.suspend",
    "partner.resume",
    "key.issue",
    "key.times",
    "key.revoke",
)
REGISTER: Final = "partner.register"
RENEW: Final = "seals.renew"
"""An entry with the seals of earlier entries, made anew with the next key. It proves these places like the first."""
SEED_SUBJECT: Final = "~seed"
BEFORE_RECORDS: Final = "~before-records"
"""The subject of the entries that the migration wrote about what existed."""

_MISSHAPEN: Final = (KeyError, TypeError, ValueError, AttributeError)
_MATERIAL: Final = ("algorithm", "environment", "public_key_sha256", "rule")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit log."""

    entry_id: UUID
    at: datetime
    subject: str
    action: str
    object: str
    after: View


@dataclass(frozen=True, slots=True)
class Unproved:
    """A partner, or one of its keys, that its records do not prove."""

    partner_id: str
    app_key: str | None
    text: Text


@dataclass(frozen=True, slots=True)
class SealedPlace:
    """A seal (hex) of an entry, with the entry's object and the place that the seal covers."""

    object: str
    place: str
    seal: str


@dataclass(slots=True)
class _Proved:
    """What the entries of one partner prove so far."""

    terms: dict[str, Any] | None = None
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    used: set[UUID] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Records:
    """The records of some partners. `began_at` is when records began: before, entries of the migration are believed.

    `opens` is None without the key encryption key: then the seals of entries are not checked. `renewed` are further
    seals by their place.
    """

    entries: Sequence[Entry]
    approvals: Mapping[UUID, Proposal]
    began_at: datetime | None
    opens: Opens | None = None
    renewed: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def proves(self, seal: str, place: str) -> bool:
        """Whether a holder of the key encryption key sealed this place, in the entry itself or later."""
        if self.opens is None:
            return True
        return any(self.opens(one, place) for one in (seal, *self.renewed.get(place, ())))


def recorded_partner(row: View) -> dict[str, Any]:
    """The facts of a partner's row that an entry of the seed holds. No secrets."""
    left_out = {"phone_pepper_sealed", "oauth_sealed", "updated_at"}
    return {name: value for name, value in row.items() if name not in left_out}


def recorded_key(row: View) -> dict[str, Any]:
    """The facts of a key's row that an entry of the seed holds. No secret."""
    times = {name: row[name].isoformat() if row[name] else None for name in ("not_before", "not_after", "revoked_at")}
    kept = {name: row[name] for name in ("app_key", "algorithm", "environment", "rule")}
    return {**kept, **times, "public_key_sha256": _digest(row["public_key"])}


def seal_place(partner_id: str, after: View) -> str:
    """What the seal of a seed's entry covers."""
    content = {name: value for name, value in after.items() if name != "seal"}
    digest = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
    return f"partner/{partner_id}/registered/{digest}"


def decision_place(proposal: Proposal) -> str:
    """What the seal of an approval covers: the proposal and who decided it."""
    people = (proposal.proposed_by, proposal.decided_by)
    decided = [str(proposal.proposal_id), proposal.kind, proposal.subject, dict(proposal.content), *people]
    return f"approval/{hashlib.sha256(msgspec.json.encode(decided, order='sorted')).hexdigest()}"


def renewed_seals(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """Return the seals that entries RENEW hold, by place. Entries of another shape hold none."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        seals = entry.after.get("seals")
        for place, seal in seals.items() if isinstance(seals, dict) else ():
            if isinstance(seal, str):
                found.setdefault(place, []).append(seal)
    return found


def sealed_places(entries: Iterable[Entry], approvals: Mapping[UUID, Proposal]) -> list[SealedPlace]:
    """Return every seal of the entries with its object and place. Entries without a seal are left out."""
    found = []
    for entry in entries:
        try:
            if entry.action == REGISTER:
                place = seal_place(entry.object.removeprefix("partner/"), entry.after)
            else:
                place = decision_place(approvals[UUID(entry.after["proposal"]["proposal_id"])])
            found.append(SealedPlace(entry.object, place, entry.after["seal"]))
        except _MISSHAPEN:
            continue
    return found


def unproved(partners: Iterable[View], keys: Iterable[View], records: Records) -> list[Unproved]:
    """Compare rows with their records. A key of an unproved partner is reported only if it is unproved itself."""
    proved = _replay(records)
    found = []
    for row in partners:
        text = _read(_partner_difference, row, proved.get(row["partner_id"], _Proved()))
        if text is not None:
            found.append(Unproved(row["partner_id"], None, text))
    for row in keys:
        text = _read(_key_difference, row, proved.get(row["partner_id"], _Proved()))
        if text is not None:
            found.append(Unproved(row["partner_id"], row["app_key"], text))
    return found


def _read(difference: Callable[[View, _Proved], Text | None], row: View, proved: _Proved) -> Text | None:
    """Records of another shape, written by hand, prove nothing and stop nothing else."""
    try:
        return difference(row, proved)
    except _MISSHAPEN:
        return Text("记录无法读取", "its records cannot be read")


def _partner_difference(row: View, proved: _Proved) -> Text | None:
    terms = proved.terms
    if row["environment"] != "live":
        return None
    if terms is None and row["status"] == "suspended":
        return None  # inserted by hand, and an operator closed it: resuming it would need a record
    if terms is None:
        return Text("没有登记记录", "no record of its registration")
    if terms["environment"] != "live":
        return Text("登记为沙箱", "registered for the sandbox")
    if row["status"] == "active" and terms["status"] != "active":
        return Text("已暂停，没有恢复记录", "suspended, and no record of resuming it")
    if widens(terms, row):
        return Text("条款比记录宽", "terms are wider than recorded")
    return None


def _key_difference(row: View, proved: _Proved) -> Text | None:
    if row["revoked_at"] is not None:
        return None
    key = proved.keys.get(row["app_key"])
    if key is None:
        return Text("没有签发记录", "no record of its issue")
    if any(key[name] != recorded_key(row)[name] for name in _MATERIAL):
        return Text("算法、环境或公钥与记录不符", "algorithm, environment or public key differs from the record")
    if key["revoked_at"] is not None:
        return Text("记录中已吊销", "revoked in its records")
    if not _interval(key).contains(KeyInterval(row["not_before"], row["not_after"])):
        return Text("有效期比记录长", "valid longer than recorded")
    return None


# --- the replay -------------------------------------------------------------------------------------------------------


def _replay(records: Records) -> dict[str, _Proved]:
    found: dict[str, _Proved] = {}
    # Entries are named under the lock of the partner, so their ids have the order of the changes. Times do not: a
    # transaction has that of its start.
    for entry in sorted(records.entries, key=lambda one: one.entry_id):
        partner_id = entry.object.removeprefix("partner/")
        proved = found.setdefault(partner_id, _Proved())
        try:
            _STEPS[entry.action](proved, entry, records)
        except _MISSHAPEN:  # an entry of another shape proves nothing
            continue
    return found


def _register(proved: _Proved, entry: Entry, records: Records) -> None:
    """An entry of the seed file, or of the migration, which is the beginning.

    The seed file lifts neither a suspension nor a revocation, and moves no key to another environment.
    """
    partner_id = entry.object.removeprefix("partner/")
    if entry.subject == BEFORE_RECORDS:
        if entry.at == records.began_at:
            proved.terms = dict(entry.after["partner"])
            proved.keys = {key["app_key"]: dict(key) for key in entry.after["keys"]}
        return
    if not records.proves(entry.after["seal"], seal_place(partner_id, entry.after)):
        return
    suspended = proved.terms is not None and proved.terms["status"] == "suspended"
    status = "suspended" if suspended else entry.after["partner"]["status"]
    proved.terms = {**entry.after["partner"], "status": status}
    for key in entry.after["keys"]:
        known = proved.keys.get(key["app_key"], key)
        kept = {"environment": known["environment"], "revoked_at": known["revoked_at"] or key["revoked_at"]}
        proved.keys[key["app_key"]] = {**key, **kept}


def _create(proved: _Proved, entry: Entry, records: Records) -> None:
    if entry.after["environment"] != "live" or _approved(proved, entry, records):
        proved.terms = {**entry.after, "status": entry.after.get("status", "active")}


def _change(proved: _Proved, entry: Entry, records: Records) -> None:
    terms = proved.terms
    if terms is None:
        return
    after = {**terms, **entry.after, "environment": terms["environment"], "status": terms["status"]}
    secret = any(entry.after.get(f"{name}_replaced") for name in ("phone_pepper", "oauth"))
    if terms["environment"] != "live" or not (secret or widens(terms, after)) or _approved(proved, entry, records):
        proved.terms = {name: value for name, value in after.items() if not name.endswith("_replaced")}


def _suspend(proved: _Proved, _entry: Entry, _records: Records) -> None:
    if proved.terms is not None:
        proved.terms["status"] = "suspended"


def _resume(proved: _Proved, entry: Entry, records: Records) -> None:
    terms = proved.terms
    if terms is not None and (terms["environment"] != "live" or _approved(proved, entry, records)):
        terms["status"] = "active"


def _issue(proved: _Proved, entry: Entry, records: Records) -> None:
    key = {**entry.after, "revoked_at": None}
    if key["app_key"] not in proved.keys and (key["environment"] != "live" or _approved(proved, entry, records)):
        proved.keys[key["app_key"]] = key


def _times(proved: _Proved, entry: Entry, records: Records) -> None:
    key = proved.keys[entry.after["app_key"]]
    after = {**key, **{name: entry.after[name] for name in ("not_before", "not_after")}}
    narrower = _interval(key).contains(_interval(after))
    if key["environment"] != "live" or narrower or _approved(proved, entry, records):
        proved.keys[entry.after["app_key"]] = after


def _revoke(proved: _Proved, entry: Entry, _records: Records) -> None:
    proved.keys[entry.after["app_key"]]["revoked_at"] = entry.after["revoked_at"]


_STEPS: Final[Mapping[str, Callable[[_Proved, Entry, Records], None]]] = {
    "partner.register": _register,
    "partner.create": _create,
    "partner.change": _change,
    "partner.suspend": _suspend,
    "partner.resume": _resume,
    "key.issue": _issue,
    "key.times": _times,
    "key.revoke": _revoke,
}


def _approved(proved: _Proved, entry: Entry, records: Records) -> bool:
    """Whether a second person approved exactly this entry. An approval counts once."""
    named = entry.after.get("proposal") or {}
    proposal = records.approvals.get(UUID(named["proposal_id"])) if "proposal_id" in named else None
    if proposal is None or proposal.proposal_id in proved.used or proposal.decided_by is None:
        return False
    content = proposal.content
    wanted = {**content.get("terms", {}), **content.get("key", {}), **content.get("times", {})}
    if "app_key" in content:
        wanted["app_key"] = content["app_key"]
    fits = (
        (proposal.status, proposal.kind, proposal.subject) == ("approved", entry.action, entry.object)
        and not is_same_person(proposal.proposed_by, proposal.decided_by)
        and proposal.decided_by == entry.subject
        and named.get("content") == content
        and all(entry.after.get(name) == value for name, value in wanted.items())
        and entry.after.get("public_key_sha256") in (None, _digest(wanted.get("public_key")))
        and records.proves(entry.after["seal"], decision_place(proposal))
    )
    if fits:
        proved.used.add(proposal.proposal_id)
    return fits


def _digest(public: str | None) -> str | None:
    return hashlib.sha256(public.encode()).hexdigest() if public is not None else None


def _interval(key: View) -> KeyInterval:
    return KeyInterval(*(_moment(key[name]) for name in ("not_before", "not_after")))


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
