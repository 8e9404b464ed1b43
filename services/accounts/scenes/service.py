"""Scenes with their partners and, for a logged-in citizen, the bindings."""

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
    """`partners_known` is False while the registry has never answered. The scenes then come without partners."""

    items: Sequence[SceneView]
    partners_known: bool


async def list_scenes(session: Session, *, directory: PartnerDirectory, user_id: uuid.UUID | None) -> SceneList:
    """List all scenes. `user_id` None: the caller is not logged in."""
    partners: Mapping[str, Partner] | None
    try:
        partners = await directory.list_live()
    except PartnersUnavailable:
        partners = None
    bindings_by_partner: dict[str, BindingView] = {}
    if user_id is not None:
        bindings_by_partner = {row.partner_id: row for row in await bindings.list_live(session, user_id=user_id)}
    items = [
        SceneView(
            scene,
            [
                ScenePartner(partner, bindings.usable_modes(partner), bindings_by_partner.get(partner.partner_id))
                for partner in sorted((partners or {}).values(), key=lambda item: item.partner_id)
                if scene.code in partner.scenes
            ],
        )
        for scene in SCENES
    ]
    return SceneList(items, partners_known=partners is not None)
