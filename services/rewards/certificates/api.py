"""Public routes of a certificate: JSON or a page, PDF and PNG. Operators propose its revocation."""

import hashlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from services.rewards.approvals.schemas import ProposalView
from services.rewards.certificates import page, revoking, service
from services.rewards.certificates.domain import digits_of
from services.rewards.certificates.errors import CertificateNoMistyped, CertificateNotFound
from services.rewards.certificates.schemas import (
    EXAMPLE,
    CertificateView,
    NameRequest,
    RevocationRequest,
)
from services.rewards.documents.domain import Form
from services.rewards.documents.replies import SAME, WAITING_HEADERS, file_answers, file_response, waiting_response
from services.rewards.documents.service import RETRY_AFTER_S
from services.rewards.settings import Settings
from shared.accepting import matches_etag, prefers_html
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.language import Text
from shared.live_sessions import LiveCitizen
from shared.query_parameters import accept_any_parameters

router = APIRouter(prefix="/api/v1/rewards", tags=["公益 Campaigns"])
ops_router = APIRouter(prefix="/api/v1/rewards/ops/certificates", tags=["运营 Operations"])

# The digits, and hyphens or spaces between them.
_NUMBER_CHARS_MAX = 40
Number = Annotated[str, Path(max_length=_NUMBER_CHARS_MAX, examples=[EXAMPLE["certificate_no"]])]
IfNoneMatch = Annotated[str | None, Header(max_length=1000)]
RevokingOperator = Annotated[Operator, Depends(require_scope(revoking.SCOPE))]
# A revocation is seen at once: a cache may keep the answer, and asks whether it still holds.
_REVALIDATED: Final = {"Cache-Control": "public, no-cache", "Vary": "Accept, Accept-Language"}
_HTML: Final[dict[str, Any]] = {"schema": {"type": "string"}, "example": "<!doctype html>"}
_PAGE: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/html": _HTML}}, 304: SAME}


@router.get(
    "/certificates",
    response_class=Response,
    responses={200: {"content": {"text/html": _HTML}}, 303: {"description": "转到证书页 To the certificate's page"}},
    summary="证书查验页（公开） · The page on which certificates are checked, public",
)
async def show_certificate_form(
    certificate_no: Annotated[str, Query(max_length=_NUMBER_CHARS_MAX, description="填写的编号 As typed")] = "",
) -> Response:
    """给人看的网页：填写编号，转到证书页。A page for people: enter a number, and it leads to the certificate."""
    digits = digits_of(certificate_no)
    if not digits:
        return Response(page.form_page(), media_type="text/html", headers={**page.HEADERS, **_REVALIDATED})
    readable = digits if digits.isascii() and digits.isalnum() else "0"
    return Response(status_code=303, headers={"Location": f"{page.PAGES_PATH}/{readable}", "Cache-Control": "no-store"})


@router.get(
    "/certificates/{certificate_no}.pdf",
    response_class=Response,
    responses=file_answers(Form.PDF),
    dependencies=[Depends(accept_any_parameters)],
    summary="证书 PDF（公开） · A certificate as PDF, public",
)
async def get_certificate_pdf(
    request: Request, session: Session, certificate_no: Number, if_none_match: IfNoneMatch = None
) -> Response:
    """首次请求返回 202，由后台制作。相同的内容得到逐字节相同的文件。

    The first request gets 202, and the worker makes the file. The same content gives the same bytes.
    """
    return await _file(request, session, certificate_no, Form.PDF, if_none_match)


@router.get(
    "/certificates/{certificate_no}.png",
    response_class=Response,
    responses=file_answers(Form.PNG),
    dependencies=[Depends(accept_any_parameters)],
    summary="证书图片（公开） · A certificate as a picture to share, public",
)
async def get_certificate_png(
    request: Request, session: Session, certificate_no: Number, if_none_match: IfNoneMatch = None
) -> Response:
    """1080 × 1440 像素，适合微信分享。1080 × 1440 pixels, to share in WeChat."""
    return await _file(request, session, certificate_no, Form.PNG, if_none_match)


@router.get(
    "/certificates/{certificate_no}",
    response_model=CertificateView,
    dependencies=[Depends(accept_any_parameters)],  # WeChat adds its own to an address that somebody shares
    responses=_PAGE,
    summary="证书查验（公开） · Check a certificate, public",
)
async def check_certificate(
    request: Request,
    session: Session,
    language: AskedLanguage,
    certificate_no: Number,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """编号输错（校验码不符）与查无此证分别说明；浏览器得到网页，其他得到 JSON。

    A mistyped number and an unknown one have different codes. A browser gets a page, others get JSON.
    """
    as_html = prefers_html(request.headers.get("accept"))
    try:
        certificate = await service.check_certificate(session, number=certificate_no)
    except (CertificateNoMistyped, CertificateNotFound) as exc:
        if not as_html:
            raise
        shown = page.refusal_page("unknown" if isinstance(exc, CertificateNotFound) else "mistyped")
        return Response(shown, exc.status, {**page.HEADERS, "Cache-Control": "no-store"}, "text/html")
    if as_html:
        return _cached(page.certificate_page(certificate), "text/html", if_none_match, page.HEADERS)
    view = CertificateView.of(certificate, language=language).model_dump_json()
    return _cached(view, "application/json", if_none_match, {"Content-Language": language})


@router.put("/me/certificates/{certificate_no}/name", summary="在证书上显示我的称呼 · Show my name on a certificate")
async def show_my_name(
    session: Session, citizen: LiveCitizen, language: AskedLanguage, certificate_no: Number, body: NameRequest
) -> CertificateView:
    """本人同意公开后，证书页、PDF、图片显示“张女士”这样的称呼，不显示全名。可随时取消。

    Page, PDF and picture show a surname with a form of address, never the whole name. The donor may take it back.
    """
    certificate = await service.show_name(
        session, number=certificate_no, user_id=citizen.user_id, surname=body.surname, address=body.address
    )
    return CertificateView.of(certificate, language=language)


@router.delete("/me/certificates/{certificate_no}/name", summary="不再显示我的称呼 · Hide my name again")
async def hide_my_name(
    session: Session, citizen: LiveCitizen, language: AskedLanguage, certificate_no: Number
) -> CertificateView:
    certificate = await service.hide_name(session, number=certificate_no, user_id=citizen.user_id)
    return CertificateView.of(certificate, language=language)


@ops_router.post("/{certificate_no}/revoke", status_code=202, summary="提议撤销证书 · Propose to revoke a certificate")
async def propose_revocation(
    session: Session,
    approvals: RequestApprovals,
    operator: RevokingOperator,
    certificate_no: Number,
    body: RevocationRequest,
) -> ProposalView:
    """另一人在 `/ops/proposals` 批准后撤销。减碳量不退回；证书页、PDF、图片都显示撤销原因。

    Revoked once a second person approves it under `/ops/proposals`. No grams come back. Page, PDF and picture show the
    public reason.
    """
    public_reason = Text(body.public_reason_zh, body.public_reason_en)
    return ProposalView.of(
        await revoking.propose(
            session,
            approvals,
            number=certificate_no,
            public_reason=public_reason,
            reason=body.reason,
            operator=operator,
        )
    )


async def _file(request: Request, session: Session, number: str, form: Form, if_none_match: str | None) -> Response:
    settings: Settings = request.app.state.settings
    pages = settings.public_base_url.rstrip("/") + page.PAGES_PATH
    certificate, file = await service.get_file(
        session, number=number, form=form, pages=pages, time_zone=settings.time_zone
    )
    if file is not None:
        name = f"certificate-{certificate.certificate_no}"
        return file_response(file, name=name, if_none_match=if_none_match, is_public=True)
    if prefers_html(request.headers.get("accept")):
        headers = {**page.HEADERS, **WAITING_HEADERS}
        return Response(page.waiting_page(again_s=RETRY_AFTER_S), 202, headers, "text/html")
    return waiting_response()


def _cached(content: str, media_type: str, if_none_match: str | None, more: dict[str, str]) -> Response:
    tag = f'"{hashlib.sha256(content.encode()).hexdigest()}"'
    headers = {**more, **_REVALIDATED, "ETag": tag}
    if matches_etag(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
