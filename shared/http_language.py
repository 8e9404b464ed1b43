"""Language at the HTTP border: the caller's language, and bilingual texts in answers."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from shared.language import Language, language_of


# A coroutine: FastAPI runs plain functions in threads, which costs more than the work.
async def _asked_language(request: Request) -> Language:
    return language_of(request.headers.get("accept-language"))


# The language of the request's Accept-Language header; zh if it names neither.
AskedLanguage = Annotated[Language, Depends(_asked_language)]


class Bilingual(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    zh: str
    en: str
