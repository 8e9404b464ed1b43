"""Refusals of the ingest service. Their readers are partners' developers: names of fields are welcome here."""

from typing import Final

from shared.language import Sentence, Text

EVENT_NOT_FOUND: Final = Sentence(
    Text("没有找到该事件", "No such event"),
    Text(
        "贵方没有提交过这个编号的事件，或刚刚提交、尚未归档。请稍后再查。",
        "You did not send an event with this id, or it is not archived yet. Query again in a moment.",
    ),
)
RECEIPT_NOT_FOUND: Final = Sentence(
    Text("没有找到该回执", "No such receipt"),
    Text(
        "平台没有向贵方签发过这个回执号，或其记录已过保存期。请核对回执号。",
        "This receipt was not issued to you, or its record has expired. Check the id.",
    ),
)
SANDBOX_KEYS_ONLY: Final = Sentence(
    Text("只能调试沙箱密钥", "Only sandbox keys can be debugged"),
    Text(
        "正式密钥的签名不作任何提示。请用沙箱的 CP1 密钥复现问题。",
        "Signatures of live keys are not explained. Reproduce the problem with a CP1 key of the sandbox.",
    ),
)
WEBHOOK_ADDRESS_REFUSED: Final = Sentence(
    Text("不接受该回执接收地址", "This webhook address is refused"),
    Text(
        "地址须为公网 https 地址，不含用户名、密码和片段，没有登记。问题：{why}。",
        (
            "It must be a public https address without credentials or fragment. Nothing was registered. The "
            "fault: {why}."
        ),
    ),
)
DELIVERY_NOT_FOUND: Final = Sentence(
    Text("没有找到该推送", "No such delivery"),
    Text(
        "推送编号不存在，或已过保存期。请在推送记录中核对。",
        "The id is unknown, or its record has expired. See the delivery log.",
    ),
)
WEBHOOK_DISABLED: Final = Sentence(
    Text("回执接收地址已停用", "The webhook address is disabled"),
    Text(
        "停用原因：{reason}。结果仍可主动查询；重新登记地址即恢复推送。",
        "The reason: {reason}. Results can still be queried. Register the address again to resume.",
    ),
)
WEBHOOK_NOT_FOUND: Final = Sentence(
    Text("尚未登记回执接收地址", "No webhook address is registered"),
    Text(
        "没有可以操作的接收地址。请先登记一个，做法见接入指南。",
        "There is no address to work with. Register one first, as the integration guide shows.",
    ),
)
REPLAY_TOO_LARGE: Final = Sentence(
    Text("重发范围过大", "The range to replay is too large"),
    Text(
        "一次最多重发 {limit} 条推送，这次没有重发。请缩小时间范围。",
        "At most {limit} deliveries are replayed at once, and none were now. Choose a shorter range.",
    ),
)
ROTATION_UNDER_WAY: Final = Sentence(
    Text("上一次轮换的重叠期未结束", "The overlap of the last rotation has not ended"),
    Text(
        ("旧密钥签名至{until}，之后可再次轮换，这次没有轮换。密钥泄露时，请把 overlap_s 设为 0，立即作废全部旧密钥。"),
        (
            "The old secret signs until {until}, and nothing was rotated. Rotate after that, or with "
            "overlap_s 0 to end all old secrets now."
        ),
    ),
)
BATCH_EXPECTED: Final = Sentence(
    Text("批量类型的请求体须为 JSON 数组", "A batch is a JSON array"),
    Text(
        "Content-Type 为 {batch} 时，请求体须为事件数组，没有收下。单条事件请用 {one}。",
        ("With Content-Type {batch} the body is an array of events. Nothing was accepted. Send one event as {one}."),
    ),
)
BATCH_TOO_LARGE: Final = Sentence(
    Text("单批事件过多", "Too many events in one batch"),
    Text(
        "每批最多 {limit} 条，本批 {count} 条，没有收下。请分批上报。",
        ("A batch has at most {limit} events, and this one has {count}. Nothing was accepted. Send it in parts."),
    ),
)
BINARY_MODE_NOT_SUPPORTED: Final = Sentence(
    Text("不支持二进制模式的 CloudEvents", "CloudEvents in binary mode are not accepted"),
    Text(
        (
            "签名不含请求头，因此 ce-* 请求头里的属性无法验证。请改用结构化模式（{one}）或批量模式（{batch}）："
            "Python to_structured、JavaScript Mode.STRUCTURED、Go WithEncodingStructured、Java "
            "writeStructured、C# ContentMode.Structured。"
        ),
        (
            "The signature covers no headers, so attributes in ce-* headers cannot be verified. Use "
            "structured mode ({one}) or batch mode ({batch}): Python to_structured, JavaScript "
            "Mode.STRUCTURED, Go WithEncodingStructured, Java writeStructured, C# ContentMode.Structured."
        ),
    ),
)
BROKEN_COMPRESSION: Final = Sentence(
    Text("压缩的请求体不完整或已损坏", "The compressed body is incomplete or damaged"),
    Text(
        "无法解压，没有收下。请重新压缩后再发。",
        "It cannot be unpacked, and nothing was accepted. Compress it again and resend.",
    ),
)
EVENT_REFUSED: Final = Sentence(
    Text("事件未通过校验", "The event was not accepted"),
    Text("事件没有收下。请按提示修改后重新上报。", "Nothing was stored. Correct the event and send it again."),
)
LOG_UNAVAILABLE: Final = Sentence(
    Text("暂时无法接收", "Events cannot be accepted at the moment"),
    Text(
        "事件是否写入尚不确定。请用相同的事件 id 重试，不会重复生效。",
        ("It is not certain whether the events were written. Send them again with the same ids: nothing counts twice."),
    ),
)
SINGLE_EVENT_EXPECTED: Final = Sentence(
    Text("单条类型的请求体须为一个 JSON 对象", "A single event is a JSON object"),
    Text(
        "Content-Type 为 {one} 时，请求体须为一个事件对象，没有收下。多条事件请用 {batch}。",
        "With Content-Type {one} the body is one event. Nothing was accepted. Send several as {batch}.",
    ),
)
DAY_NEEDED: Final = Sentence(
    Text("对账须指定日期", "A reconciliation needs its day"),
    Text("没有开始对账。请写明 day。", "No reconciliation was started. State the day."),
)
FILE_EMPTY: Final = Sentence(
    Text("文件为空", "The file is empty"),
    Text("没有可以导入的内容。请检查导出的文件。", "There is nothing to import. Check the exported file."),
)
FILE_TOO_LARGE: Final = Sentence(
    Text("文件过大", "The file is too large"),
    Text(
        "文件最多 {limit_bytes} 字节，没有收下。请拆分后上传。",
        "A file has at most {limit_bytes} bytes. Nothing was accepted. Split it.",
    ),
)
IMPORT_NOT_FOUND: Final = Sentence(
    Text("没有找到该导入", "No such import"),
    Text("导入编号不存在，或不属于贵方。请核对编号。", "The id is unknown, or the import is not yours. Check the id."),
)
PART_DIFFERS: Final = Sentence(
    Text("该分片已上传过，内容不同", "This part was uploaded before with other content"),
    Text(
        "以先上传的为准，没有改动。内容有误时，请另建一次导入。",
        "The first one counts, and nothing was changed. Start another import if it was wrong.",
    ),
)
PART_UNEXPECTED: Final = Sentence(
    Text("分片的编号或大小不符", "The part's number or size does not fit"),
    Text(
        "分片 {part_no} 须为 {expected} 字节（0 表示没有这一片），收到 {size}，没有收下。请按声明的大小切分。",
        (
            "Part {part_no} must have {expected} bytes (0: there is no such part), but {size} were received. "
            "Nothing was accepted. Cut the file as announced."
        ),
    ),
)
PARTS_MISSING: Final = Sentence(
    Text("还有分片未上传", "Parts are missing"),
    Text("缺少的分片：{missing}。请补传后再完成。", "Missing parts: {missing}. Upload them, then complete the import."),
)
IMPORT_SPOOL_FULL: Final = Sentence(
    Text("导入暂存空间已满", "There is no room for another file"),
    Text(
        "文件没有收下。请过几分钟再上传同一文件，不会重复生效。",
        "The file was not accepted. Upload it again in a few minutes: nothing counts twice.",
    ),
)
TOO_MANY_IMPORTS: Final = Sentence(
    Text("未完成的导入过多", "Too many unfinished imports"),
    Text(
        "每个合作方同时最多 {limit} 个，这次没有新建。请等待，或先完成已开始的上传。",
        ("A partner has at most {limit} at a time, and none was added. Wait, or complete your unfinished uploads."),
    ),
)
UPLOAD_CLOSED: Final = Sentence(
    Text("该导入已不再接收分片", "This import takes no more parts"),
    Text(
        "上传已经完成或已放弃，没有收下。需要时请另建一次导入。",
        "The upload was completed or abandoned. Nothing was accepted. Start another import if needed.",
    ),
)
INTAKE_BUSY: Final = Sentence(
    Text("接入繁忙", "The intake is busy"),
    Text(
        "暂时没有空位，事件没有收下。请稍后用相同的事件 id 重试，不会重复生效。",
        "There is no free place, and nothing was accepted. Try again with the same ids: nothing counts twice.",
    ),
)
DAILY_BUDGET_EXHAUSTED: Final = Sentence(
    Text("当日限额不足", "The day's budget does not cover this"),
    Text(
        "每日最多 {limit} 条事件，今日已接收 {used} 条，本次没有收下。请于次日重试，或联系运营人员调整限额。",
        (
            "At most {limit} events a day, and {used} were accepted today. Nothing was accepted now. Retry "
            "tomorrow, or ask the operators for more."
        ),
    ),
)
EVENT_RATE_EXCEEDED: Final = Sentence(
    Text("上报过快", "Too many events"),
    Text(
        "每秒最多 {limit} 条事件，本次没有收下。请在 Retry-After 之后用相同的事件 id 重试。",
        ("At most {limit} events a second, and nothing was accepted now. Send the same ids again after Retry-After."),
    ),
)
REQUEST_RATE_EXCEEDED: Final = Sentence(
    Text("请求过于频繁", "Too many requests"),
    Text(
        "每秒最多 {limit} 个请求，本次没有处理。请合并为批量请求，并在 Retry-After 之后重试。",
        ("At most {limit} requests a second, and this one was not handled. Send batches, and retry after Retry-After."),
    ),
)
OUTCOMES_EXPIRED: Final = Sentence(
    Text("这个位置之后的部分结果已不再保留", "Some results after this position are no longer kept"),
    Text(
        "结果保留 30 天。请去掉 after，从最早保留的一条读起；更早的可逐条查询，或用对账核对。",
        (
            "Results are kept for 30 days. Leave out `after` to start with the oldest one kept. Query older "
            "events one by one, or reconcile their day."
        ),
    ),
)
RECONCILIATION_NOT_FOUND: Final = Sentence(
    Text("没有找到该对账报告", "No such reconciliation report"),
    Text(
        "对账尚未完成，或不属于贵方。请在导入记录中查看进度。",
        "It is not finished yet, or not yours. Its progress is shown with its import.",
    ),
)
BODY_TOO_SLOW: Final = Sentence(
    Text("请求体发送过慢", "The body arrived too slowly"),
    Text(
        "在限定时间内没有收完，没有受理。请检查网络后，用相同的事件 id 重发。",
        ("It did not arrive in time, and nothing was accepted. Check the network and send it again with the same ids."),
    ),
)
DAY_NOT_OVER: Final = Sentence(
    Text("当天还没有结束", "The day is not over"),
    Text(
        "只能上报已经过完的日子，没有受理。请第二天再上报。",
        "Only days that are over can be reported, and nothing was accepted. Report it on the next day.",
    ),
)
PARTNER_ID_RESERVED: Final = Text(
    "“wechat”为平台保留，请换一个合作方编号。", "“wechat” is reserved for the platform. Please choose another id."
)

# Why a webhook address does not receive any more.
DISABLED_REASONS: Final = {
    "GONE": Text("贵方的地址答复已永久停用", "your address answered that it is gone"),
    "FAILING": Text("连续多日推送失败", "deliveries failed for days"),
    "OPERATOR": Text("由运营人员停用", "an operator disabled it"),
    "PARTNER": Text("由贵方停用", "you disabled it"),
}
