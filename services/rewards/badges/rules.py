"""Reads the rules of badges and levels. A document with a fault or a failing example stops the service at its start."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml

from services.rewards.badges.domain import Rules

DOCUMENT: Final = Path(__file__).with_name("rules.yaml")


def read_rules(text: str) -> Rules:
    """Raises ValidationError, YAMLError."""
    return Rules.model_validate(yaml.safe_load(text))


@lru_cache(maxsize=1)
def load_rules() -> Rules:
    """Return the rules of this version of the service. Raises ValidationError, YAMLError."""
    return read_rules(DOCUMENT.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def rules_sha256() -> str:
    """Another hash than that of the last sweep means that everybody has to be looked at again."""
    return hashlib.sha256(DOCUMENT.read_bytes()).hexdigest()
