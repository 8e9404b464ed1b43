"""In which language people are answered, Chinese first."""

from typing import Annotated

from fastapi import Depends, Request

from shared.language import Language, language_of


def _asked(request: Request) -> Language:
    return language_of(request.headers.get("accept-language"))


AskedLanguage = Annotated[Language, Depends(_asked)]


def in_language(language: Language, zh: str, en: str) -> str:
    return zh if language == "zh" else en
