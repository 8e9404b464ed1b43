"""The register of topics: what the records of each topic keep about people. See `shared/personal_data.py`."""

from typing import Final

from shared.contracts import topics
from shared.language import Text
from shared.personal_data import (
    ACCOUNT,
    COUNTING,
    LEAVING,
    LEDGER,
    MANDATE,
    PARTNERS,
    PROOF,
    REDEEMING,
    REPRESENTING,
    KeptTopic,
)

_SEVEN_DAYS: Final = Text("7 天", "7 days")
_EXPIRES: Final = Text("到期删除", "expires")

TOPICS: Final[dict[str, KeptTopic]] = {
    topics.ACTIVITIES: KeptTopic(
        Text("上报的行为（合作方标识的密钥散列）", "reported acts, with a keyed hash of the partner's reference"),
        PARTNERS, _SEVEN_DAYS, _EXPIRES, by=("account_key",),
    ),
    topics.REJECTIONS: KeptTopic(
        Text("被拒收的上报（合作方的事件编号）", "refused reports: the partner's event ids"), PARTNERS, _SEVEN_DAYS,
        _EXPIRES,
    ),
    topics.BINDINGS: KeptTopic(
        Text("绑定", "bindings"), COUNTING, Text("直到注销（压实）", "until erasure (compacted)"),
        Text("空值标记，压实后消失", "a null value: compacted away"), by=("account_key", "account_id", "user_id"),
    ),
    topics.HOUSEHOLDS: KeptTopic(
        Text("家庭成员、电表、用碳规则与亲情卡", "members, meters and rules of households, family cards"), ACCOUNT,
        Text("直到注销（压实）", "until erasure (compacted)"),
        Text(
            "成员与本人亲情卡的记录写空值标记；电表与规则属于家庭，保留",
            "a null value for memberships and the person's card; meters and rules belong to the household",
        ),
        by=("account_id", "meter_key", "proxy_account_id"),
    ),
    topics.CONSENTS: KeptTopic(
        Text("同意：目的与时间", "consents: purposes and times"), PROOF,
        Text("直到注销（压实）", "until erasure (compacted)"),
        Text("空值标记，压实后消失", "a null value: compacted away"), by=("account_id",),
    ),
    topics.ENTERPRISES: KeptTopic(
        Text("企业、成员与角色，不含个人姓名", "enterprises, members and roles, without names of people"), REPRESENTING,
        Text("直到注销（压实）", "until erasure (compacted)"),
        Text("成员记录写空值标记；企业保留", "a null value for memberships; enterprises stay"), by=("account_id",),
    ),
    topics.MANDATES: KeptTopic(
        Text("对平台的授权", "mandates given to platforms"), MANDATE,
        Text("直到注销（压实）", "until erasure (compacted)"),
        Text("空值标记，压实后消失", "a null value: compacted away"), by=("account_id",),
    ),
    topics.OUTCOMES: KeptTopic(
        Text("判定结果", "verdicts"), COUNTING, _SEVEN_DAYS, _EXPIRES, by=("account_id",)
    ),
    topics.REWARDS: KeptTopic(
        Text("兑换与捐赠", "orders and donations"), REDEEMING, _SEVEN_DAYS, _EXPIRES, by=("account_id",)
    ),
    topics.FREEZES: KeptTopic(
        Text("账户的冻结与解冻", "freezes of accounts"), LEDGER, _SEVEN_DAYS, _EXPIRES, by=("account_id",)
    ),
    topics.DIGESTS: KeptTopic(
        Text("每日摘要（散列）", "daily digests: hashes"), LEDGER, _SEVEN_DAYS, Text("不含个人信息", "nothing personal")
    ),
    topics.INGEST_DIGESTS: KeptTopic(
        Text("接入记录的摘要（散列）", "digests of ingest: hashes"), LEDGER, _SEVEN_DAYS,
        Text("不含个人信息", "nothing personal"),
    ),
    topics.ERASURES: KeptTopic(
        Text("请其他服务删除此人", "asks the other services to erase a person"), LEAVING, _SEVEN_DAYS, _EXPIRES,
        by=("account_id", "user_id"),
    ),
    **{
        topic: KeptTopic(
            Text("已删除此人", "a person was erased"), LEAVING, _SEVEN_DAYS, _EXPIRES, by=("account_id",)
        )
        for topic in (topics.ACCOUNTING_ERASURES, topics.INGEST_ERASURES, topics.REWARDS_ERASURES)
    },
}  # fmt: skip
DEAD_LETTERS: Final = KeptTopic(
    Text("无法处理的消息，原文", "dead letters, as they came"), PARTNERS, _SEVEN_DAYS, _EXPIRES
)
