"""Media types by RFC 9110."""

import pytest

from shared.media_types import parse_media_type


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("application/json", "application/json", {}),
        ('Text/HTML;Charset="utf-8"', "text/html", {"charset": "utf-8"}),  # the RFC's own example
        ('text/html; charset="utf-8"', "text/html", {"charset": "utf-8"}),
        ('a/b ; x=1 ;Y="2;3"', "a/b", {"x": "1", "y": "2;3"}),
        ('a/b;x="a\\"b"', "a/b", {"x": 'a"b'}),
        ("a/b;", "a/b", {}),
        ("a/b; ; c=d", "a/b", {"c": "d"}),
    ],
)
def test_d2_media_types_are_read_by_the_rfc(text: str, name: str, parameters: dict[str, str]) -> None:
    found = parse_media_type(text)
    assert found is not None
    assert (found.name, dict(found.parameters)) == (name, parameters)


@pytest.mark.parametrize(
    "text",
    [None, "", "json", "a/", "/b", "a/b c", "a/b, c/d", "a/b; x", "a/b; x = 1", "a/b;x=1;X=2", 'a/b;x="', "x" * 2_000],
)
def test_d2_other_texts_are_no_media_type(text: str | None) -> None:
    assert parse_media_type(text) is None


@pytest.mark.parametrize(
    ("text", "is_json"),
    [("application/json", True), ("TEXT/JSON", True), ("a/b+JSON", True), ("a/jsonp", False), ("a/json+xml", False)],
)
def test_d2_json_is_recognised_by_its_name_or_suffix(text: str, is_json: bool) -> None:
    found = parse_media_type(text)
    assert found is not None
    assert found.is_json is is_json
