"""Refusals of the signature debugger."""

from shared.errors import AppError


class SandboxKeysOnly(AppError):
    code = "SANDBOX_KEYS_ONLY"
    status = 403
    title_zh = "只能调试沙箱密钥"
    title_en = "Only sandbox keys can be debugged"
    detail_zh = "请用沙箱 CP1 密钥复现问题；正式密钥的签名不作任何提示。"
    detail_en = "Reproduce it with a CP1 key of the sandbox; signatures of live keys are not explained."
