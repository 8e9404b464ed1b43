"""Errors of the public check of a certificate."""

from shared.errors import InvalidRequest, NotFound


class CertificateNoMistyped(InvalidRequest):
    code = "CERTIFICATE_NO_MISTYPED"
    title_zh = "证书编号有误"
    title_en = "The certificate number is mistyped"
    detail_zh = "编号为 20 位数字，末位为校验码，请核对。"
    detail_en = "It has 20 digits, the last of which checks the others; please compare."


class CertificateNotFound(NotFound):
    code = "CERTIFICATE_NOT_FOUND"
    title_zh = "查无此证书"
    title_en = "No such certificate"
