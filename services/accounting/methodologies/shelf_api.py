"""Public routes of the shelf. Plain functions run in a thread, because the first call is slow."""

import json
from typing import Annotated

from fastapi import APIRouter, Path

from services.accounting.methodologies.document import canonical_json
from services.accounting.methodologies.presentation import bilingual
from services.accounting.methodologies.schemas import ShelfDetail, ShelfListing, ShelfSummary
from services.accounting.methodologies.shelf import ShelvedDocument, reportable, shelf, shelved_version, trust_of

router = APIRouter(prefix="/api/v1/accounting", tags=["方法学 Methodologies"])


def _summary(item: ShelvedDocument) -> ShelfSummary:
    document = item.version.document
    return ShelfSummary(
        code=document.code,
        version=document.version,
        scene=document.scene,
        title=bilingual(document.title),
        summary=bilingual(document.summary),
        region=document.region,
        event=document.applies_to.event,
        reportable=reportable(item.version),
        source_status=document.source_status,
        trust=trust_of(item.version),
        formula=document.formula,
        sha256=item.version.sha256,
    )


@router.get("/shelf", summary="书架上的方法学（未生效） · Methodologies on the shelf, not in force")
def list_shelf() -> ShelfListing:
    """随平台提供、算例全部通过，但没有发布；由两人发布之后才生效。
    Shipped, and every example passes, but not in force. Two people must publish a document first."""
    return ShelfListing(items=[_summary(item) for item in shelf()])


@router.get("/shelf/{code}/versions/{version}", summary="书架上一份方法学的全文 · One document of the shelf in full")
def get_shelved(
    code: Annotated[str, Path(max_length=60, examples=["HB-CSAE235-EV"])],
    version: Annotated[int, Path(ge=1, le=10_000, examples=[3])],
) -> ShelfDetail:
    """`yaml` 改好生效日即可作为草案提交。Set effective_from in `yaml` and use it as a draft."""
    item = shelved_version(code, version)
    document = json.loads(canonical_json(item.version.document))
    return ShelfDetail(**_summary(item).model_dump(), document=document, yaml=item.text)
