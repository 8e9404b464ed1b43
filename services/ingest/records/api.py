"""The operators' route that checks the records."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.ingest.partners.proof import opener
from services.ingest.records import service
from services.ingest.records.schemas import FoundDifference, RecordsCheck
from services.ingest.sealing import SecretSealer
from services.ingest.settings import CurrentSettings
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/ingest/ops/records", tags=["运营 Operators"])


@router.get("/check", summary="核对登记与封存 · Check partners, keys and the seals of their records")
async def check_records(
    session: Session,
    language: AskedLanguage,
    sealer: SecretSealer,
    settings: CurrentSettings,
    _: Annotated[Operator, Depends(require_scope("ops:read"))],
) -> RecordsCheck:
    """每个正式合作方和每把可用密钥，须有审计记录；需两人的，须有两人批准。

    Every live partner and every usable key must follow from the audit log, and from an approval by two people where
    one is required. Every sealed day is recomputed.
    """
    findings = await service.check_partners(session, opens=opener(sealer))
    findings += await service.check_seals(session, copy=settings.digest_file)
    return RecordsCheck(
        ok=not findings,
        sealed_upto=await service.newest_day(session),
        findings=[FoundDifference.of(one, language) for one in findings],
    )
