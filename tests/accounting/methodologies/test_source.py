import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.methodologies.errors import DocumentInvalid, Problem
from services.accounting.methodologies.source import MAX_BYTES, MAX_DEPTH, read_yaml


def refusal(text: str) -> Problem:
    with pytest.raises(DocumentInvalid) as refused:
        read_yaml(text)
    [problem] = refused.value.problems
    return problem


def test_values_have_their_line_and_column() -> None:
    value, marks = read_yaml('a: 1\nb: [x, "2.5", null, true]\nc:\n  d: 2024-06-01\n')
    assert value == {"a": 1, "b": ["x", "2.5", None, True], "c": {"d": "2024-06-01"}}
    assert marks["a",] == (1, 4)
    assert marks["b", 1] == (2, 8)
    assert marks["c", "d"] == (4, 6)


@pytest.mark.parametrize(
    "text", ["1.5", "-0.1", "1e3", "1.0e+3", ".inf", ".nan", "0x10", "010", "1_000", "1:30", "yes", "Off", "True", "="]
)
def test_a_value_whose_type_yaml_guesses_is_refused(text: str) -> None:
    problem = refusal(f"a: 1\nb: {text}\n")
    assert (problem.code, problem.field, problem.line, problem.column) == ("AMBIGUOUS_VALUE", "b", 2, 4)


@pytest.mark.parametrize("text", ['"1.5"', "'yes'", '"0x10"'])
def test_a_quoted_value_is_text(text: str) -> None:
    assert read_yaml(f"b: {text}")[0] == {"b": text[1:-1]}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "EMPTY"),
        ("# nothing\n", "EMPTY"),
        ("a: &x 1\nb: *x\n", "ALIAS"),
        ("a: [*x]\n", "ALIAS"),
        ("a: !!python/object/apply:os.system ['true']\n", "TAG"),
        ("a: !!str 1\n", "TAG"),
        ("!x {a: 1}\n", "TAG"),
        ("a: 1\na: 2\n", "DUPLICATE_KEY"),
        ("? [a]\n: 1\n", "KEY"),
        ("<<: {a: 1}\n", "KEY"),
        ("a: 1\n---\nb: 2\n", "SECOND_DOCUMENT"),
        ("a: [1\n", "NOT_YAML"),
        ("a: b: c\n", "NOT_YAML"),
        ("a: \x00\n", "NOT_YAML"),
        ("a: @\n", "NOT_YAML"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "TOO_DEEP"),
        ("[" * 30_000, "TOO_DEEP"),
        ("[" + "1," * 10_000 + "]", "TOO_MANY_VALUES"),
        ("a: " + "x" * MAX_BYTES, "TOO_LARGE"),
    ],
)
def test_size_depth_and_number_of_values_are_bounded(text: str, code: str) -> None:
    assert refusal(text).code == code


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True))
    assert refusal(bomb).line == 1


def problems_of(text: str) -> int:
    try:
        read_yaml(text)
    except DocumentInvalid as refused:
        return len(refused.problems)
    return 0


@given(st.text(max_size=200) | st.text("ab:- []{},&*!|>#'\"\n", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert problems_of(text) in {0, 1}
