"""The public route of the city totals."""

from fastapi import APIRouter

from services.accounting.totals import service
from services.accounting.totals.schemas import CityStats, SceneTotal
from shared.amounts import display
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/accounting", tags=["公开核验 Public proofs"])


@router.get("/public/stats", summary="全市累计 · City totals")
async def get_stats(session: Session, language: AskedLanguage) -> CityStats:
    totals = await service.city_totals(session)
    return CityStats(
        acts=totals.acts,
        amount_mg=totals.amount_mg,
        display=display(totals.amount_mg, language),
        counted_before=totals.counted_before,
        scenes=[
            SceneTotal(
                scene=scene.scene,
                title={"zh": scene.title.zh, "en": scene.title.en},
                acts=scene.acts,
                amount_mg=scene.amount_mg,
                display=display(scene.amount_mg, language),
            )
            for scene in totals.scenes
        ],
    )
