"""Refusals about certificates and their files, and the words of the public page."""

from typing import Final

from shared.language import Sentence, Text

DOCUMENTS_BUSY: Final = Sentence(
    Text("现在等候制作的人太多", "Too many files are being made"),
    Text(
        "文件还没有开始制作。请过一分钟再打开，证书本身仍可凭编号查验。",
        "Yours was not begun. Open it again in a minute. The certificate can be checked by its number meanwhile.",
    ),
)
CERTIFICATE_FILE_GONE: Final = Sentence(
    Text("这张证书不再提供下载", "The certificate is no longer offered as a file"),
    Text(
        "捐赠人已注销账户，文件随之删除。证书仍可凭编号查验。",
        "The donor has left, and the files were deleted. The certificate can still be checked by its number.",
    ),
)
CERTIFICATE_ALREADY_REVOKED: Final = Sentence(
    Text("这张证书已经撤销", "The certificate is revoked already"),
    Text("没有改动。", "Nothing was changed."),
)
SURNAME_UNKNOWN: Final = Sentence(
    Text("这个姓氏暂时不能显示", "This surname cannot be shown yet"),
    Text(
        "没有改动。证书上只显示姓氏加称呼，如“张女士”；姓氏不在名单里的，请联系客服。",
        "Nothing was changed. A certificate shows a surname of a list and a form of address. Please ask the support.",
    ),
)

PAGE_TITLE: Final = Text("捐赠证书查验", "Check a certificate of donation")
GENUINE: Final = Text("证书真实有效", "This certificate is genuine")
REVOKED: Final = Text("证书已撤销，不再有效", "This certificate has been revoked")
UNKNOWN: Final = Text("查不到这张证书", "No such certificate")
UNKNOWN_DETAIL: Final = Text(
    "没有这个编号的证书。请对照证书再核对一遍；如果编号无误，请当心这张证书可能是假的。",
    "There is no certificate with this number. Compare it once more. If it is right, the certificate may be a forgery.",
)
MISTYPED: Final = Text("编号输错了", "The number is mistyped")
MISTYPED_DETAIL: Final = Text(
    "编号是 20 位数字，有一位或几位对不上，没有查询。请对照证书再填一次。",
    "It has 20 digits, and some do not fit the others. Nothing was looked up. Please compare and enter it again.",
)
ASK_NUMBER: Final = Text("输入证书上的 20 位编号", "Enter the 20 digits of the certificate")
CHECK: Final = Text("查验", "Check")
CHECK_ANOTHER: Final = Text("查验另一张证书", "Check another certificate")
SAVE_PDF: Final = Text("下载证书（PDF）", "Certificate as PDF")
SAVE_PNG: Final = Text("保存图片，分享好友", "Picture to share")
NO_NAME: Final = Text(
    "为保护隐私，本页不显示捐赠人姓名，除非本人同意公开。",
    "To protect privacy, donors are named only if they agreed to it.",
)
BEING_MADE: Final = Text("正在制作，请稍候", "Being made")
BEING_MADE_DETAIL: Final = Text(
    "通常几秒钟就好，本页会自动刷新。", "This takes a few seconds. The page reloads by itself."
)
