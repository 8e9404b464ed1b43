"""Every sentence of the four services, filled with sample values, and the rules of a good one."""

import importlib
import pkgutil
import re
import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Literal, NamedTuple

import services
import shared
from deploy.gateway import replies
from services.accounting.sentences import explanations, statement
from services.accounting.sentences.verdicts import VERDICTS
from services.accounts.sentences import names as accounts_names
from services.ingest.archive import reasons as archive_reasons
from services.ingest.debugging import wording as debugging_wording
from services.ingest.events import rejections
from services.ingest.imports import reasons as import_reasons
from shared import amounts, field_sentences
from shared import sentences as shared_sentences
from shared.errors import AppError
from shared.language import Language, Sentence, Text
from shared.wording import fill, span

SERVICES = ("accounts", "accounting", "ingest", "rewards")
# One value per name in a sentence.
SAMPLES: dict[str, object] = {
    "address": "203.0.113.7",
    "after": amounts.exact(1_234_567),
    "algorithm": "CP1-HMAC-SHA256",
    "allowed": "application/json",
    "amount": amounts.exact(94_400),
    "app_keys": "ak-metro-1",
    "at_most": 5,
    "available": amounts.grams(3_000_000),
    "batch": "application/cloudevents-batch+json",
    "before": amounts.exact(1_500_000),
    "cap_id": "bus.daily",
    "code": "420100",
    "contact": Text("武汉碳普惠客服", "support"),
    "count": 3,
    "current": "2026-11",
    "day": date(2026, 12, 27),
    "days": 30,
    "detail": "UTF-8",
    "earliest": datetime(2026, 12, 27, 4, 52, 42, 324345, tzinfo=UTC),
    "end": date(2027, 12, 31),
    "error": "It does not fit",
    "expected": "'metro' or 'bus'",
    "expected_schemes": "https",
    "first": date(2026, 11, 23),
    "got": amounts.exact(3_000_000),
    "key": "quantity",
    "latest": datetime(2026, 12, 28, 16, 0, tzinfo=UTC),
    "least": amounts.grams(1_000),
    "left": amounts.grams(1_200_000),
    "limit": amounts.exact(3_000_000),
    "files": 10,
    "mib": 5,
    "limit_bytes": 67_108_864,
    "measured": Text("120 公里", "120 km/h"),
    "missing": "2, 3",
    "most": amounts.grams(20_000_000),
    "multiplier": "0.9",
    "used_at": datetime(2026, 12, 27, 4, 52, tzinfo=UTC),
    "shop_name": Text("户部巷店", "Hubu Lane"),
    "name": Text("WH-APP-BUS v2", "WH-APP-BUS v2"),
    "names": ["NO_CAPS", "NO_GROUPS"],
    "needed": amounts.grams(5_000_000),
    "one": "application/cloudevents+json",
    "part": Text("里程", "distance"),
    "part_no": 3,
    "partners": "metro",
    "minutes": 15,
    "per_day": 100,
    "per_hour": 20,
    "period": Text("当天", "that day"),
    "proposal_id": "0199-7000",
    "purpose": accounts_names.PURPOSES["data_processing"],
    "reason": Text("连续多日推送失败", "deliveries failed for days"),
    "receipt_id": "019aadf0-6b00-7000-8000-000000000001",
    "region": "420100",
    "scenes": [Text("自备购物袋", "own shopping bag"), Text("骑行", "cycling")],
    "sealed_after": datetime(2026, 12, 27, 16, 5, tzinfo=UTC),
    "second": "WH-APP-BUS v1",
    "server_time": 1_700_000_000,
    "sha256": "9f2c51ab",
    "since": date(2026, 11, 23),
    "size": 4096,
    "sources": "urn:partner:metro",
    "subject": "ops-1",
    "offered": [Text("减碳量到账", "Grams of the day"), Text("即将到期", "About to expire")],
    "supported": [accounts_names.WAYS_TO_BIND["oauth"], accounts_names.WAYS_TO_BIND["phone_hash"]],
    "tier": Text("照片", "photo"),
    "title": Text("里程", "distance"),
    "until": datetime(2026, 12, 27, 4, 52, tzinfo=UTC),
    "used": amounts.exact(1_500_000),
    "whole": Text("步数", "number of steps"),
    "whose": Text("（您一人）", " for you alone"),
    "why": Text("须为 https", "it must be https"),
    "window": span(60),
    "worth": amounts.exact(4_500_000),
}


Form = Literal["title", "sentence", "part"]


class Said(NamedTuple):
    """One rendered sentence. `is_for_developers`: its readers are partners' developers."""

    place: str
    zh: str
    en: str
    is_for_developers: bool
    form: Form = "sentence"


def values_named_in(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def said(place: str, text: Text, *, is_for_developers: bool = False, form: Form = "sentence") -> Said:
    values = {name: SAMPLES.get(name, 3) for name in values_named_in("".join(text))}
    zh, en = (fill(text, language, values) for language in ("zh", "en"))
    return Said(place, zh, en, is_for_developers, form)


def catalogues() -> Iterator[tuple[ModuleType, bool]]:
    """Every module of a catalogue of refusals, and whether its readers are partners' developers."""
    yield shared_sentences, False
    for service in SERVICES:
        package = importlib.import_module(f"services.{service}.sentences")
        for found in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"{package.__name__}.{found.name}"), service == "ingest"


def refusals() -> Iterator[tuple[str, Sentence, bool]]:
    for module, is_for_developers in catalogues():
        for name, value in vars(module).items():
            if isinstance(value, Sentence):
                yield f"{module.__name__}.{name}", value, is_for_developers


def every_sentence() -> Iterator[Said]:
    for place, sentence, for_developers in refusals():
        yield said(f"{place}.title", sentence.title, is_for_developers=for_developers, form="title")
        yield said(f"{place}.detail", sentence.detail, is_for_developers=for_developers)
    yield said("frozen notice", shared_sentences.FROZEN_NOTICE)
    for code, text in VERDICTS.items():
        yield said(f"verdict {code}", text)
    for source, partner_sentences in PARTNER_SENTENCES.items():
        for code, text in partner_sentences.items():
            yield said(f"{source} {code}", text, is_for_developers=True)
    for kind, text in field_sentences.SENTENCES.items():
        yield said(f"field {kind}", text)
    for code, (title, how) in accounts_names.SCENES.items():
        yield said(f"scene {code}", title, form="title")
        yield said(f"scene {code}", how)
    for reply in replies.REPLIES:
        for place, zh, en in zip(("title", "detail"), reply.zh, reply.en, strict=True):
            is_for_developers = reply.code in GATEWAY_FOR_DEVELOPERS
            yield Said(
                f"gateway {reply.code}.{place}", zh, en, is_for_developers, "title" if place == "title" else "sentence"
            )


def explained_parts() -> Iterator[Said]:
    """Parts of an explained calculation. They are not whole sentences."""
    for name, texts in vars(statement).items():
        if isinstance(texts, dict) and name.isupper():
            yield from (said(f"statement {name} {kind}", text, form="part") for kind, text in texts.items())
    for name, value in vars(explanations).items():
        if isinstance(value, Text):
            yield said(f"explanation {name}", value, form="part")


PARTNER_SENTENCES = {
    "partner's verdict": archive_reasons.SENTENCES,
    "rejection": rejections.SENTENCES,
    "line": import_reasons.SENTENCES,
    "debugging": debugging_wording.SENTENCES,
}
# Developers are shown how to write one.
EXAMPLE_OF_A_TIME = "2026-11-23T"
# The app never sends such requests.
GATEWAY_FOR_DEVELOPERS = frozenset(
    {
        "UPGRADE_UNSUPPORTED",
        "HTTP_VERSION_UNSUPPORTED",
        "HEADERS_TOO_LARGE",
        "MALFORMED_REQUEST",
        "TRANSFER_ENCODING_UNSUPPORTED",
    }
)
_VERB_AND_PATH = re.compile(r"\b(GET|POST|PUT|DELETE|PATCH|HEAD)\b|/api/|/me/|/v1/")
_HEADER = re.compile(r"Idempotency-Key|Content-|Accept|Retry-After|Authorization|X-Request|refresh_token|request_id")
_RAW_TIME = re.compile(r"\d{4}-\d\d-\d\dT|\+00:00|:\d\d\.\d")
_LATIN = re.compile(r"[A-Za-z][A-Za-z_.'-]*")
# Names that a Chinese reader writes in Latin letters, and the samples.
PROPER_NAMES = frozenset(
    {
        "Base64",
        "CP",
        "WH-APP-BUS",
        "v",
        "ops",
        "application",
        "json",
        "NO_CAPS",
        "NO_GROUPS",
        "bus.daily",
        "f",
        "c",
        "ab",
        "quantity",
    }
)
# 同意 is the citizen's; 减碳量 is what an account holds; 冻结 is of an account, 预扣 of an amount.
OTHER_WORDS = {"授权": "同意", "减排量": "减碳量", "账号已冻结": "碳账户已冻结", "鉴权": "登录", "用户未": "您还没有"}
DEVELOPERS_ADVICE = re.compile(r"errors 中|见 faults|wx\.login|app_key|client_request_id|调用")
_END = {"zh": ("。", "！"), "en": (".", "!")}


def faults_of(one: Said) -> list[str]:
    """Return what an editor would strike out."""
    found = []
    if _VERB_AND_PATH.search(one.zh + " " + one.en):
        found.append("an HTTP verb or a path")
    raw_time = _RAW_TIME.search(one.zh + " " + one.en)
    if raw_time and not (one.is_for_developers and raw_time[0] == EXAMPLE_OF_A_TIME):
        found.append("a raw time")
    if not one.is_for_developers:
        if _HEADER.search(one.zh + " " + one.en):
            found.append("a header or field")
        if DEVELOPERS_ADVICE.search(one.zh):
            found.append("advice for developers")
        words = {word.rstrip(".'-") or word for word in _LATIN.findall(one.zh)}
        found += [f"the word {word}" for word in words - PROPER_NAMES]
    found += [f"{word} instead of {better}" for word, better in OTHER_WORDS.items() if word in one.zh]
    if re.search(r"\d{4,}(\.\d+)? 克|\d{4,}(\.\d+)? g\b|\b0\.\d+ 千克", one.zh + " " + one.en):
        found.append("an amount in the wrong unit")
    for language in ("zh", "en"):
        found += _faults_of_form(one, language)
    return found


def _faults_of_form(one: Said, language: Language) -> list[str]:
    text = one.zh if language == "zh" else one.en
    if one.form == "part":
        return []
    if one.form == "title":
        return [f"a full stop in the title ({language})"] if text.endswith(_END[language]) else []
    return [] if text.endswith(_END[language]) else [f"no full stop ({language})"]


def error_classes() -> list[type[AppError]]:
    """Every error that a service can answer, imported from all modules of the product."""
    for root in (shared, services):
        for found in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            if ".migrations" not in found.name and not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    seen: list[type[AppError]] = []
    waiting = [AppError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child.__module__.startswith(("services.", "shared.")) and child not in seen:
                seen.append(child)
                waiting.append(child)
    return sorted(seen, key=lambda one: (one.__module__, one.__name__))


def modules_that_raise(root: Path) -> set[str]:
    """Every module of the product with a `raise`; all of them are imported."""
    error_classes()
    return {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for folder in ("services", "shared")
        for path in (root / folder).rglob("*.py")
        if "raise " in path.read_text() and "migrations" not in path.parts and not path.name.startswith("__")
    }
