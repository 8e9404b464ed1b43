"""Refusals about the settlement of merchants, and about disputes."""

from typing import Final

from shared.language import Sentence, Text

SETTLEMENT_DAY_NOT_REACHED: Final = Sentence(
    Text("这一天还没有到", "That day has not come"),
    Text(
        "还没有结算可看。请选今天或以前的日期。", "There is no settlement yet. Please choose today or an earlier day."
    ),
)
DISPUTE_NOT_FOUND: Final = Sentence(
    Text("没有这项异议", "No such dispute"),
    Text("异议不存在。请返回列表再看。", "The dispute does not exist. Please go back to the list."),
)
DISPUTE_EXISTS: Final = Sentence(
    Text("这笔核销已有异议", "There is a dispute about this already"),
    Text("没有重复提出。请在异议列表里查看进展。", "No second one was raised. See the list of disputes."),
)
NOTHING_TO_DISPUTE: Final = Sentence(
    Text("这笔没有可争的款", "There is nothing to dispute"),
    Text(
        "商家只能对已撤销的核销提出，赞助方只能对有效的核销提出；没有新增异议。请核对编号。",
        "A merchant can dispute a redemption that was undone, a sponsor one that stands. Nothing was raised. Please"
        " check the number.",
    ),
)
DISPUTE_DECIDED: Final = Sentence(
    Text("这项异议已裁定", "This dispute is decided"),
    Text(
        "裁定不能改，结算没有变。请在异议列表里查看结果。",
        "A decision stays, and no settlement was changed. See the list for the outcome.",
    ),
)
VOUCHER_FILE_UNREADABLE: Final = Sentence(
    Text("文件读不出券码", "No codes can be read from the file"),
    Text(
        "文件要是文本表格，首行有“券码”一列，以下一行一个；没有导入。请改好再上传。",
        (
            "It must be a table as text with a column called code, and one code a line. Nothing was imported. Please "
            "correct it."
        ),
    ),
)
VOUCHER_FILE_TOO_LONG: Final = Sentence(
    Text("文件太长", "The file is too long"),
    Text(
        "一次最多 {limit} 个券码，没有导入。请分成几个文件。",
        "It may hold {limit} codes. Nothing was imported. Please split it.",
    ),
)
VOUCHER_IMPORT_NOT_FOUND: Final = Sentence(
    Text("没有这次导入", "No such import"),
    Text("导入记录不存在。请核对编号。", "The import does not exist. Please check its number."),
)
PDF_BUSY: Final = Sentence(
    Text("日结单正忙", "The settlement cannot be written now"),
    Text(
        "正在给别人生成，这次没有生成。请几秒后再试，或先看表格。",
        "Others are waiting, and nothing was written. Please try again in a few seconds, or take the table.",
    ),
)
