"""Answers with a file, or with 202 while the worker makes it."""

import base64
from typing import Any, Final

from fastapi import Response

from services.rewards.documents.domain import MEDIA_TYPES, Form
from services.rewards.documents.schemas import FileRequested
from services.rewards.documents.service import RETRY_AFTER_S, File
from shared.accepting import matches_etag

SAME: Final[dict[str, Any]] = {"description": "与已缓存的相同 The caller has it already"}
WAITING_HEADERS: Final = {"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store", "Vary": "Accept"}


def file_answers(form: Form) -> dict[int | str, dict[str, Any]]:
    """The documented answers of a route that gives out files of this form."""
    return {
        200: {"content": {MEDIA_TYPES[form]: {"schema": {"type": "string", "format": "binary"}}}},
        202: {"model": FileRequested, "description": "正在制作，稍后再取 Being made: ask again"},
        304: SAME,
    }


def waiting_response() -> Response:
    return Response(FileRequested().model_dump_json(), 202, WAITING_HEADERS, "application/json")


def file_response(file: File, *, name: str, if_none_match: str | None, is_public: bool) -> Response:
    """`name`: of the file, without its ending. A cache may keep the answer, and asks whether it still holds."""
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    headers = {
        "ETag": f'"{file.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Cache-Control": f"{'public' if is_public else 'private'}, no-cache",
        "Content-Disposition": f'inline; filename="{name}.{file.form}"',
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    if matches_etag(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=MEDIA_TYPES[file.form], headers=headers)
