"""Refusals of the signature debugger."""

from services.ingest.sentences import refusals
from shared.errors import AppError


class SandboxKeysOnly(AppError):
    code = "SANDBOX_KEYS_ONLY"
    status = 403
    says = refusals.SANDBOX_KEYS_ONLY
