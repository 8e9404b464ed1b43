"""The program that draws documents: `python -m services.rewards.documents.press`, JSON in, JSON out.

In: a list of {form, content}. Out: for each of them {file}, in base64, or {error}.
"""

import base64
import json
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from services.rewards.documents.certificate_picture import certificate_png
from services.rewards.documents.certificate_sheet import certificate_pdf
from services.rewards.documents.domain import CertificateContent, Content, Form, content_hash
from services.rewards.documents.statement_sheet import statement_pdf

_IDENTITY_DIGITS = 32


def draw(content: Content, form: Form) -> bytes:
    """Return the file. Raises ValueError for a form that this kind of document does not have."""
    identity = content_hash(content, form)[:_IDENTITY_DIGITS]
    match content, form:
        case CertificateContent(), Form.PDF:
            return certificate_pdf(content, identity=identity)
        case CertificateContent(), Form.PNG:
            return certificate_png(content)
        case _, Form.PDF if not isinstance(content, CertificateContent):
            return statement_pdf(content, identity=identity)
    raise ValueError(f"no {form} of this document")


def answer(asked: Mapping[str, Any]) -> dict[str, str]:
    """One broken document must not keep the others from being made."""
    try:
        file = draw(msgspec.convert(asked["content"], type=Content), Form(asked["form"]))
    except Exception as exc:
        return {"error": repr(exc)[:500]}
    return {"file": base64.b64encode(file).decode()}


if __name__ == "__main__":
    json.dump([answer(asked) for asked in json.load(sys.stdin)], sys.stdout)
