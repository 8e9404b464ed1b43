"""The register of this schema: what each table keeps about people. See `shared/personal_data.py`.

No table here names a person. An event belongs to someone only through its key, which accounting knows: erasure gets the
keys from `accounting.erasures.v1`, and an export asks with the keys that accounting has shown.
"""

from typing import Final

from shared.language import Text
from shared.personal_data import PARTNERS, Erasure, Id, Kept, Link, approvals, audit_log, nobody, plumbing

_RAW: Final = Text("合作方上报的原文，含其用户标识", "the partner's own lines, with its references to people")

TABLES: Final[dict[str, Kept]] = {
    **plumbing(),
    **audit_log(),
    **approvals(),
    "archive_partition": nobody(Text("存档分区", "partitions of the archive")),
    "bulk_receipts": nobody(Text("批量回执", "receipts of bulk work")),
    "dead_letter_resolution": Kept(
        Text("对无法处理消息的处置", "what was done with dead letters"), PARTNERS,
        Text("180 天", "180 days"), Erasure.EXPIRE,
        loose=Text("修改后的消息可能带有假名编号", "the mended message may hold a pseudonymous id"),
    ),
    "import_job": nobody(Text("合作方文件", "partners' files")),
    "import_line_error": nobody(Text("文件中的错误行", "lines of a file that were refused")),
    "import_part": Kept(
        Text("合作方文件的内容", "content of partners' files"), PARTNERS,
        Text("处理完成后即删除", "deleted once the file is done"), Erasure.EXPIRE, loose=_RAW,
    ),
    "outcome_block": Kept(
        Text("给合作方的结果", "verdicts for partners"), PARTNERS, Text("30 天", "30 days"), Erasure.EXPIRE,
        loose=Text("合作方的事件编号与减碳量", "the partner's event ids, with grams"),
    ),
    "outcome_feed": nobody(Text("结果流的进度", "progress of the verdicts")),
    "partner": nobody(Text("合作方", "partners")),
    "partner_key": nobody(Text("合作方密钥", "partners' keys")),
    "partner_record": nobody(Text("合作方变更记录", "changes of partners")),
    "partner_usage": nobody(Text("合作方用量", "partners' usage")),
    "proposed_secret": nobody(Text("待批准的密钥", "secrets that wait for approval")),
    "receipt_rejection": Kept(
        Text("被拒收的上报", "refused reports"), PARTNERS, Text("180 天", "180 days"), Erasure.EXPIRE,
        loose=Text("合作方的事件编号", "the partner's event ids"),
    ),
    "reconciliation_difference": Kept(
        Text("对账差异", "differences of a reconciliation"), PARTNERS, Text("两年", "two years"), Erasure.EXPIRE,
        loose=Text("合作方的事件编号与数值", "the partner's event ids and values"),
    ),
    "reconciliation_line": Kept(
        Text("对账文件的行", "lines of a reconciliation"), PARTNERS, Text("比对后即删除", "deleted once compared"),
        Erasure.EXPIRE, loose=Text("合作方的事件编号与行为", "the partner's event ids and acts"),
    ),
    "reconciliation_report": nobody(Text("对账结果", "results of a reconciliation")),
    "record_digest": nobody(Text("运营记录的封存", "seals of operators' records")),
    "reported_event": Kept(
        Text("上报事件的存档（距离、时间，无身份）", "archive of reported events: distance and time, no identity"),
        PARTNERS, Text("存档期限内（默认 37 个月）", "the time of the archive, 37 months by default"), Erasure.CLEAR,
        by=(Link("event_key", Id.EVENT),), hidden=frozenset({"fingerprint", "log_partition", "log_offset"}),
        clear={"act": "NULL", "reason": "NULL", "fingerprint": "NULL"},
    ),
    "webhook_attempt": nobody(Text("结果推送的尝试", "attempts to deliver results")),
    "webhook_delivery": Kept(
        Text("给合作方的结果推送", "results delivered to partners"), PARTNERS, Text("30 天", "30 days"),
        Erasure.EXPIRE, loose=Text("合作方的事件编号与减碳量", "the partner's event ids, with grams"),
    ),
    "webhook_endpoint": nobody(Text("结果推送地址", "addresses for results")),
}  # fmt: skip
