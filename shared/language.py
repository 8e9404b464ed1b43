"""The programme's two languages: Chinese first, English for callers who ask for it.

Pure, so that domain code may use it. `shared.http_language` holds the FastAPI dependency and the pydantic model.
"""

from typing import Literal, NamedTuple

Language = Literal["zh", "en"]


class Text(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str

    def pick(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class Sentence(NamedTuple):
    """A title, and a detail that says what happened, what the reader has and what to do.

    Both may hold names in braces; `shared.wording` fills them. The sentences of a service stand in its catalogue,
    `services/<service>/sentences`; those of the shared errors in `shared.sentences`.
    """

    title: Text
    detail: Text


def language_of(accept_language: str | None) -> Language:
    """Return `en` only if the header names English before Chinese. The default is Chinese."""
    for part in (accept_language or "").lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "zh"
