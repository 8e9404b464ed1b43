"""Errors of imports."""

from services.rewards.sentences import settlements as says
from shared.errors import AppError, NotFound


class FileUnreadable(AppError):
    code = "VOUCHER_FILE_UNREADABLE"
    status = 422
    says = says.VOUCHER_FILE_UNREADABLE


class TooManyCodes(AppError):
    code = "VOUCHER_FILE_TOO_LONG"
    status = 422
    says = says.VOUCHER_FILE_TOO_LONG


class ImportNotFound(NotFound):
    code = "VOUCHER_IMPORT_NOT_FOUND"
    says = says.VOUCHER_IMPORT_NOT_FOUND
