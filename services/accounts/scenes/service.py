"""SceneList with their partners and, for a known citizen, what is bound."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.accounts.bindings import service as bindings
from services.accounts.bindings.service import BindingView
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.domain import Partner
from services.accounts.partners.errors import PartnersUnavailable
from services.accounts.scenes.domain import SCENES, Scene
from shared.db import Session


@dataclass(frozen=True, slots=True)
class ScenePartner:
    partner: Partner
    modes: tuple[str, ...]
    binding: BindingView | None


@dataclass(frozen=True, slots=True)
class SceneView:
    scene: Scene
    partners: Sequence[ScenePartner]


@dataclass(frozen=True, slots=True)
class SceneList:
    """`partners_known` False: the registry has never answered; the scenes themselves are still told."""

    items: Sequence[SceneView]
    partners_known: bool


async def list_scenes(session: Session, *, directory: PartnerDirectory, user_id: uuid.UUID | None) -> SceneList:
    partners: Mapping[str, Partner] | None
    try:
        partners = await directory.list_live()
    except PartnersUnavailable:
        partners = None
    bound: dict[str, BindingView] = {}
    if user_id is not None:
        bound = {row.partner_id: row for row in await bindings.list_live(session, user_id=user_id)}
    items = [
        SceneView(
            scene,
            [
                ScenePartner(partner, bindings.usable_modes(partner), bound.get(partner.partner_id))
                for partner in sorted((partners or {}).values(), key=lambda item: item.partner_id)
                if scene.code in partner.scenes
            ],
        )
        for scene in SCENES
    ]
    return SceneList(items, partners_known=partners is not None)
