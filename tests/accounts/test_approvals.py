"""The room of proposals: every kind that a room registers can be listed and decided."""

from typing import get_args

from fastapi import FastAPI

from services.accounts.approvals.schemas import KIND_NAMES, ProposalKind


def test_every_registered_kind_can_be_decided(app: FastAPI) -> None:
    registered = [kind.name for kind in app.state.approvals.kinds]
    assert sorted(registered) == sorted(KIND_NAMES) == sorted(get_args(ProposalKind))
