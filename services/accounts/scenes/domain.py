"""The low-carbon scenes of the programme, in the order in which citizens see them."""

from dataclasses import dataclass

from services.accounts.sentences import names
from shared.language import Text


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene. Partners register for its `code`, and activities carry it."""

    code: str
    title: Text
    how_to_earn: Text


SCENES = tuple(Scene(code, title, how_to_earn) for code, (title, how_to_earn) in names.SCENES.items())
