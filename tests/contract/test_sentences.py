"""C14: what people read. Every sentence is rendered with sample values and read as an editor reads it."""

import ast
import importlib
from pathlib import Path
from typing import get_args

import pytest
from pydantic_core import core_schema

from deploy.gateway.replies import REPLIES
from services.accounting.judging import reasons
from services.accounting.sentences.verdicts import VERDICTS
from services.accounts.bindings.domain import Mode
from services.accounts.consents.service import Purpose
from services.accounts.sentences import names
from shared import field_sentences
from shared import sentences as shared_sentences
from shared.errors import AppError, Conflict, InvalidValue
from shared.language import Sentence, Text
from tests.contract import error_table, sentences
from tests.contract.sentences import Said, every_sentence, explained_parts, faults_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("one", [*every_sentence(), *explained_parts()], ids=lambda one: one.place)
def test_c14_a_sentence_has_no_fault(one: Said) -> None:
    assert faults_of(one) == [], f"{one.zh} | {one.en}"


@pytest.mark.parametrize(("place", "sentence"), [(place, one) for place, one, _ in sentences.refusals()])
def test_c14_a_detail_says_more_than_its_title_and_both_languages_have_the_same_values(
    place: str, sentence: Sentence
) -> None:
    for title, detail in zip(sentence.title, sentence.detail, strict=True):
        assert not detail.startswith(title), place
    for text in sentence:
        assert len({frozenset(sentences.values_named_in(template)) for template in text}) == 1, place
        assert sentences.values_named_in(text.zh) <= sentences.SAMPLES.keys(), place


@pytest.mark.parametrize(
    ("zh", "en", "fault"),
    [
        ("请调用 POST /me/bindings/token。", "Do it.", "an HTTP verb or a path"),
        ("请带上 Idempotency-Key。", "Do it.", "a header or field"),
        ("请按 errors 中的说明修改。", "Do it.", "advice for developers"),
        ("2026-12-27T04:52:42.324345+00:00 之后可以。", "Do it.", "a raw time"),
        ("累计 3000 克。", "Do it.", "an amount in the wrong unit"),
        ("Field required。", "Do it.", "the word Field"),
        ("您已撤回授权。", "Do it.", "授权 instead of 同意"),
        ("没有找到", "Do it.", "no full stop (zh)"),
    ],
)
def test_c14_the_rules_find_what_was_seen(zh: str, en: str, fault: str) -> None:
    assert fault in faults_of(Said("planted", zh, en, is_for_developers=False))


def test_c14_every_error_has_a_sentence_of_a_catalogue_and_every_sentence_an_error() -> None:
    known = {id(sentence): place for place, sentence, _ in sentences.refusals()}
    used = {id(one.says) for one in sentences.error_classes()} | {id(AppError.says)}
    assert [one.__name__ for one in sentences.error_classes() if id(one.says) not in known] == []
    assert [place for number, place in known.items() if number not in used] == []


def test_c14_an_error_without_a_sentence_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="no sentence"):
        type("Silent", (Conflict,), {"code": "SILENT"})


def test_c14_every_raise_gives_the_values_of_its_sentence() -> None:
    checked, lacking = 0, []
    for module in sorted(sentences.modules_that_raise(ROOT)):
        path = ROOT / (module.replace(".", "/") + ".py")
        for node in ast.walk(ast.parse(path.read_text())):
            name, given = _raised(node)
            kind = getattr(importlib.import_module(module), name or "", None)
            if isinstance(kind, type) and issubclass(kind, AppError) and "__init__" not in vars(kind):
                checked += 1
                if not sentences.values_named_in("".join(kind.says.title + kind.says.detail)) <= given:
                    lacking.append(f"{module}:{getattr(node, 'lineno', 0)} {name}")
    assert lacking == []
    assert checked > 150


def _raised(node: ast.AST) -> tuple[str | None, set[str]]:
    """The class of a raise statement and the values it gives."""
    if not isinstance(node, ast.Raise) or node.exc is None:
        return None, set()
    call = node.exc
    if isinstance(call, ast.Name):
        return call.id, set()
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
        return call.func.id, {keyword.arg or "" for keyword in call.keywords}
    return None, set()


def test_c14_every_verdict_way_to_bind_and_purpose_has_words() -> None:
    codes = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert codes == VERDICTS.keys()
    assert {mode.value for mode in Mode} == names.WAYS_TO_BIND.keys()
    assert {purpose.value for purpose in Purpose} == names.PURPOSES.keys()


def test_c14_every_error_type_of_pydantic_has_a_sentence_in_both_languages() -> None:
    types = set(get_args(core_schema.ErrorType))
    assert types - field_sentences.SENTENCES.keys() == field_sentences.NOT_OF_REQUESTS
    assert field_sentences.SENTENCES.keys() <= types


def test_c14_a_validators_own_refusal_is_shown_in_both_languages() -> None:
    text = Text("只能写一个。", "Give one of them.")
    assert field_sentences.sentence_of({"type": "value_error", "ctx": {"error": InvalidValue(text)}}) == text
    plain = field_sentences.sentence_of({"type": "value_error", "ctx": {"error": ValueError("It does not fit")}})
    assert plain == Text("这一项填写的内容不符合要求，请修改。", "It does not fit.")


def test_c14_the_gateway_says_what_the_services_say() -> None:
    for reply in REPLIES:
        known = getattr(shared_sentences, reply.code, None)
        if isinstance(known, Sentence) and reply.details is None:
            assert (reply.zh, reply.en) == tuple(zip(*known, strict=True)), reply.code


def test_c14_the_page_of_codes_is_the_one_that_the_catalogues_give() -> None:
    assert error_table.PAGE.read_text(encoding="utf-8") == error_table.page(), "run `make errors`"


def test_c14_advice_for_developers_is_about_codes_that_exist() -> None:
    codes = {one.code for one in sentences.error_classes()} | {AppError.code}
    assert error_table.ADVICE.keys() <= codes
