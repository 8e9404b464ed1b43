"""The routes that partners call. Order of checks: signature over the raw bytes, nonce, body."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from services.accounts.bindings import confirming, tokens
from services.accounts.bindings.domain import BindingStatus
from services.accounts.bindings.schemas import PartnerBindingIn, PartnerBindingItem, PartnerBindingOut, PartnerEndIn
from services.accounts.bindings.service import PartnerReference
from services.accounts.bindings.signed import SignedBy, read_signed
from services.accounts.resources import RequestResources
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of
from shared.query_parameters import accept_any_parameters

router = APIRouter(prefix="/api/v1/accounts", tags=["合作方 Partners"])


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Declare the body of a route that reads it raw, because the signature covers its bytes."""
    # The definitions of a nested model would need the document's root, so they are written in place.
    schema = model.model_json_schema()
    for name, nested in schema.pop("$defs", {}).items():
        for key, value in schema["properties"].items():
            if value.get("$ref", "").endswith(f"/{name}"):
                schema["properties"][key] = nested
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_SAME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": PartnerBindingOut, "description": "重复确认，同一绑定 Confirmed before: the same binding"}
}


@router.post(
    "/partner/bindings",
    status_code=201,
    responses=_SAME_AGAIN,
    openapi_extra=_body_of(PartnerBindingIn),
    dependencies=[Depends(accept_any_parameters)],  # machines sign addresses with a query of their own
    summary="合作方确认绑定码（CP1 签名） · A partner confirms a token (CP1 signature)",
)
async def confirm_binding(
    request: Request,
    signer: SignedBy,
    session: Session,
    resources: RequestResources,
    response: Response,
) -> PartnerBindingOut:
    confirmation = read_signed(PartnerBindingIn, await request.body())
    result = await tokens.confirm_token(
        session,
        settings=resources.settings,
        partners=resources.partners,
        partner_id=signer.partner_id,
        token=confirmation.token,
        partner_account=confirmation.partner_account,
    )
    if not result.is_new:
        response.status_code = 200
    return PartnerBindingOut.of(result.binding)


@router.get("/partner/bindings", summary="我的客户的绑定（CP1 签名） · Bindings of my customers, newest first")
async def list_partner_bindings(
    signer: SignedBy,
    session: Session,
    status: Annotated[BindingStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[PartnerBindingItem]:
    """请核对 pending 的碳账户号，再确认或拒绝。Compare the numbers of pending ones, then confirm or refuse."""
    rows = await confirming.list_page(
        session,
        partner_id=signer.partner_id,
        status=status,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page.of(rows, limit, item=PartnerBindingItem.of, cursor=lambda row: (row.binding.binding_id,))


@router.post(
    "/partner/bindings/{binding_id}/confirm",
    dependencies=[Depends(accept_any_parameters)],
    summary="确认这是我的客户（CP1 签名） · Confirm a pending binding (CP1 signature)",
)
async def confirm_pending_binding(
    binding_id: uuid.UUID, signer: SignedBy, session: Session, resources: RequestResources
) -> PartnerBindingOut:
    """等待期间的事件随即核算。重复确认不改变什么。Events of the meantime are judged now. A repeat changes nothing."""
    return PartnerBindingOut.of(
        await confirming.confirm(
            session, settings=resources.settings, partner_id=signer.partner_id, binding_id=binding_id
        )
    )


@router.post(
    "/partner/bindings/{binding_id}/refuse",
    dependencies=[Depends(accept_any_parameters)],
    summary="不是我的客户（CP1 签名） · Refuse a pending binding (CP1 signature)",
)
async def refuse_pending_binding(
    binding_id: uuid.UUID, signer: SignedBy, session: Session, resources: RequestResources
) -> PartnerBindingOut:
    return PartnerBindingOut.of(
        await confirming.refuse(
            session, settings=resources.settings, partner_id=signer.partner_id, binding_id=binding_id
        )
    )


@router.post(
    "/partner/bindings/end",
    openapi_extra=_body_of(PartnerEndIn),
    dependencies=[Depends(accept_any_parameters)],
    summary="客户已离开，按 account_ref（CP1 签名） · A customer left, by account_ref (CP1 signature)",
)
async def end_binding_of_account(
    request: Request, signer: SignedBy, session: Session, resources: RequestResources
) -> PartnerBindingOut:
    reference = read_signed(PartnerEndIn, await request.body()).account_ref
    return PartnerBindingOut.of(
        await confirming.end_by_account(
            session,
            settings=resources.settings,
            partners=resources.partners,
            partner_id=signer.partner_id,
            reference=PartnerReference(reference.type, reference.value),
        )
    )


@router.delete(
    "/partner/bindings/{binding_id}",
    status_code=204,
    dependencies=[Depends(accept_any_parameters)],
    summary="客户已离开（CP1 签名） · A customer left (CP1 signature)",
)
async def end_partner_binding(
    binding_id: uuid.UUID, signer: SignedBy, session: Session, resources: RequestResources
) -> None:
    """自此刻起的行为不再计入，本人会看到原因。Acts from now on do not count, and the citizen sees why."""
    await confirming.end(session, settings=resources.settings, partner_id=signer.partner_id, binding_id=binding_id)
