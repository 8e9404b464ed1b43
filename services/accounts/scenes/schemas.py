import uuid
from typing import Annotated, Self

from pydantic import BaseModel, Field

from services.accounts.bindings.domain import BindingStatus, Mode
from services.accounts.scenes.domain import SCENES
from services.accounts.scenes.service import SceneList, ScenePartner, SceneView
from shared.instants import Instant
from shared.openapi.closed import one_of


class MyBindingOut(BaseModel):
    binding_id: uuid.UUID
    status: BindingStatus
    since: Instant
    counts_from: Instant
    consent_withdrawn_at: Instant | None


class ScenePartnerOut(BaseModel):
    partner_id: str
    name: str = Field(examples=["滴滴出行"])
    name_en: str
    binding_modes: list[Mode] = Field(examples=[["account_no", "token"]])
    my_binding: MyBindingOut | None = Field(description="未登录或未绑定时为 null Null when unbound or not logged in")

    @classmethod
    def of(cls, item: ScenePartner) -> Self:
        return cls(
            partner_id=item.partner.partner_id,
            name=item.partner.name,
            name_en=item.partner.name_en,
            binding_modes=list(item.modes),
            my_binding=MyBindingOut.model_validate(item.binding, from_attributes=True) if item.binding else None,
        )


class SceneOut(BaseModel):
    scene: Annotated[str, one_of(scene.code for scene in SCENES)] = Field(examples=["ev_ride"])
    title: str = Field(examples=["新能源车出行"])
    title_en: str
    how_to_earn: str
    how_to_earn_en: str
    partners: list[ScenePartnerOut]

    @classmethod
    def of(cls, view: SceneView) -> Self:
        return cls(
            scene=view.scene.code,
            title=view.scene.title.zh,
            title_en=view.scene.title.en,
            how_to_earn=view.scene.how_to_earn.zh,
            how_to_earn_en=view.scene.how_to_earn.en,
            partners=[ScenePartnerOut.of(item) for item in view.partners],
        )


class ScenesOut(BaseModel):
    items: list[SceneOut]
    partners_known: bool = Field(
        description="false 表示合作方列表暂时无法读取 False while the partner registry cannot be read"
    )

    @classmethod
    def of(cls, scenes: SceneList) -> Self:
        return cls(items=[SceneOut.of(view) for view in scenes.items], partners_known=scenes.partners_known)
