"""The route of other services that report acts."""

from fastapi import APIRouter, Depends, Request

from services.ingest.reports import service
from services.ingest.reports.schemas import ReportsAccepted, StepsReport
from shared.auth.tokens import require_service

_accounts = Depends(require_service("ingest", callers={"accounts"}))
router = APIRouter(prefix="/internal/ingest", include_in_schema=False, dependencies=[_accounts])


@router.post("/reports", status_code=202)
async def report_acts(body: StepsReport, request: Request) -> ReportsAccepted:
    ports: service.ReportPorts = request.app.state.report_ports
    receipt_id, accepted = await service.report_steps(
        ports,
        ref_type=body.account_ref.type,
        ref_value=body.account_ref.value,
        city_code=body.city_code,
        days=[service.DaySteps(one.day, one.steps) for one in body.days],
    )
    return ReportsAccepted(receipt_id=receipt_id, accepted=accepted)
