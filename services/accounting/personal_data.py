"""The register of this schema: what each table keeps about people. See `shared/personal_data.py`.

The schema knows account ids only. They derive from user ids, and nobody can name the user of an id once accounts has
erased the person. Movements stay: they are the ledger, and sealed.
"""

from typing import Final

from shared import erasing
from shared.language import Text
from shared.personal_data import (
    ACCOUNT,
    COUNTING,
    ERASURE,
    FOR_GOOD,
    LEDGER,
    MANDATE,
    PARTNERS,
    PROOF,
    REPRESENTING,
    Erasure,
    Kept,
    Link,
    account,
    approvals,
    audit_log,
    nobody,
    plumbing,
    through,
)

# Only these have an index by their debit side. Credits debit issuance accounts.
_NO_CREDIT: Final = "kind <> 'credit'"
_OWN: Final = (account(),)
_OF_ACTIVITY: Final = (through("activity", "activity_id"),)


def _ledger(zh: str, en: str, by: tuple[Link, ...], *, names: tuple[str, ...] = ()) -> Kept:
    return Kept(Text(zh, en), LEDGER, FOR_GOOD, Erasure.PSEUDONYM, by=by, names=frozenset(names))


TABLES: Final[dict[str, Kept]] = {
    **plumbing(),
    **audit_log(),
    **approvals(),
    **erasing.REGISTER,
    "activity": Kept(
        Text("低碳行为与判定", "acts and their verdicts"), COUNTING, FOR_GOOD, Erasure.CLEAR, by=_OWN,
        hidden=frozenset({"fingerprint", "account_key"}), names=frozenset({"account_key"}),
        clear={"act": "NULL"}, order=5,
    ),
    "activity_block": nobody(Text("封存块", "blocks of a seal")),
    # Also a verdict from before the binding, which names nobody. The table has no index by account.
    "activity_change": _ledger("被更新的判定", "verdicts that were replaced", _OF_ACTIVITY, names=("account_id",)),
    "agreement": _ledger("家庭支出的约定", "agreements on a spend of a household", (account("proposed_by"),)),
    "agreement_member": _ledger("对支出的同意", "members who agreed to a spend", _OWN),
    "binding": Kept(
        Text("绑定（来自账户服务）", "bindings, as accounts published them"), COUNTING, ERASURE, Erasure.DELETE,
        by=_OWN, hidden=frozenset({"account_key"}), names=frozenset({"account_key"}),
    ),
    "binding_change": Kept(
        Text("待复查的绑定变更", "changes of bindings that await a check"), COUNTING,
        Text("约一分钟", "about a minute"), Erasure.DELETE, by=_OWN,
    ),
    "cap_subject": Kept(
        Text("家庭与电表的计数锁", "locks of households and meters"), COUNTING, FOR_GOOD, Erasure.NOTHING,
        names=frozenset({"subject_id"}),
    ),
    "cap_usage": _ledger("上限计数", "counters of limits", (account("subject_id"),)),
    "capture_target": nobody(Text("兑换与捐赠的去向", "receivers of spent grams")),
    "checked_day": nobody(Text("复核过的日期", "days that were checked")),
    "consent": Kept(
        Text("同意（来自账户服务）", "consents, as accounts published them"), PROOF, ERASURE, Erasure.DELETE, by=_OWN,
    ),
    "correction": Kept(
        Text("更正与撤销", "corrections and cancellations"), PARTNERS, FOR_GOOD, Erasure.PSEUDONYM,
        by=(through("activity", "original_id", "activity_id"),), hidden=frozenset({"fingerprint"}),
    ),
    "counted_number": Kept(
        Text("已计入的单号（密钥散列）", "numbers that were counted, as a keyed hash"), COUNTING, FOR_GOOD,
        Erasure.PSEUDONYM, by=_OF_ACTIVITY, hidden=frozenset({"number_key"}),
    ),
    "counted_use": Kept(
        Text("已计入的电表与车辆时段（密钥散列）", "uses of meters and vehicles, as a keyed hash"), COUNTING, FOR_GOOD,
        Erasure.PSEUDONYM, by=_OF_ACTIVITY, hidden=frozenset({"use_key"}),
    ),
    "credit_count": nobody(Text("计入次数", "counts of credits"), names=frozenset({"account_id"})),
    "credit_count_state": nobody(Text("计数进度", "progress of counting")),
    "daily_digest": nobody(Text("每日摘要", "daily digests")),
    "dead_letter_resolution": Kept(
        Text("对无法处理消息的处置", "what was done with dead letters"), PARTNERS, Text("180 天", "180 days"),
        Erasure.EXPIRE, loose=Text("修改后的消息可能带有假名编号", "the mended message may hold a pseudonymous id"),
    ),
    "digest_block": nobody(Text("封存块", "blocks of a seal")),
    "enterprise": nobody(
        Text("企业（来自账户服务）", "enterprises, as accounts published them"), names=frozenset({"account_id"})
    ),
    "enterprise_member": Kept(
        Text("企业成员与角色（来自账户服务）", "members of enterprises, as accounts published them"), REPRESENTING,
        ERASURE, Erasure.DELETE, by=_OWN,
    ),
    "erased_act": Kept(
        Text("已注销者行为的散列", "hashes of the acts of erased people"), PROOF, FOR_GOOD,
        Erasure.PSEUDONYM, by=_OF_ACTIVITY,
    ),
    "erased_balance": _ledger("注销后仍会到账的账户", "erased accounts with grams to come", _OWN),
    "factor": nobody(Text("排放因子", "factors")),
    "family_card": Kept(
        Text("亲情卡（来自账户服务）", "family cards, as accounts published them"), ACCOUNT, ERASURE, Erasure.DELETE,
        by=_OWN, names=frozenset({"proxy_account_id"}),
    ),
    "family_spend": _ledger(
        "为家庭与亲情卡支出的减碳量", "grams of households and family cards that were spent",
        (account(), account("spender_account_id")),
    ),
    "freed_room": Kept(
        Text("撤回后腾出的额度", "room that was freed"), COUNTING, Text("约一分钟", "about a minute"), Erasure.EXPIRE,
        by=_OF_ACTIVITY,
    ),
    "gram_period": nobody(Text("过期年度", "years that expired")),
    "gram_year": _ledger("每年到期的减碳量", "grams of a year that expire", _OWN),
    "hold": Kept(
        Text("预留与支出", "holds and spends"), LEDGER, FOR_GOOD, Erasure.PSEUDONYM, by=_OWN,
    ),
    "household_member": Kept(
        Text("家庭成员（来自账户服务）", "members of households, as accounts published them"), COUNTING, ERASURE,
        Erasure.DELETE, by=_OWN,
    ),
    "household_meter": nobody(Text("家庭电表（密钥散列）", "meters, as a keyed hash"), names=frozenset({"meter_key"})),
    "household_rule": nobody(Text("家庭用碳规则", "rules by which households spend")),
    "intake_tally": nobody(Text("接收统计", "tallies of the intake")),
    "largest_credit": Kept(
        Text("最大的入账，供复核", "the largest credits, for review"), PROOF, Text("92 天", "92 days"),
        Erasure.EXPIRE, by=_OWN,
    ),
    "largest_credit_state": nobody(Text("排名进度", "progress of ranking")),
    "ledger_account": _ledger(
        "总账账户与余额", "accounts of the ledger",
        (account(), account("owner_id"), through("hold", "account_id", "hold_id")),
    ),
    "ledger_check_state": nobody(Text("核对进度", "progress of the check")),
    "ledger_checkpoint": _ledger("核对基准", "checkpoints of balances", _OWN),
    "library_journal": nobody(Text("方法学变更", "journal of methodologies")),
    "mandate": Kept(
        Text("对平台的授权（来自账户服务）", "mandates, as accounts published them"), MANDATE, ERASURE, Erasure.DELETE,
        by=_OWN,
    ),
    "mended_report": Kept(
        Text("修正过的上报", "reports that were mended"), PROOF, FOR_GOOD, Erasure.RETAIN, by=_OF_ACTIVITY
    ),
    "methodology_draft": nobody(Text("方法学草稿", "drafts of methodologies")),
    "methodology_version": nobody(Text("方法学", "methodologies")),
    "parked_report": Kept(
        Text("等待绑定的上报", "reports that wait for a binding"), PARTNERS, Text("7 天", "7 days"), Erasure.EXPIRE,
        loose=Text("尚不属于任何人：合作方标识的密钥散列", "nobody's yet: a keyed hash of the partner's reference"),
    ),
    "posting": _ledger(
        "分录", "postings",
        (
            account("debit_account_id", where=_NO_CREDIT), account("credit_account_id"),
            through("hold", "debit_account_id", "hold_id", where=_NO_CREDIT),
        ),
        names=("requested_by",),
    ),
    "posting_rule": nobody(Text("科目规则", "the chart of accounts")),
    "record_digest": nobody(Text("运营记录的封存", "seals of operators' records")),
    "refused_claim": Kept(
        Text("因他人已计入而未计入的行为", "acts refused because another one counts"), COUNTING, FOR_GOOD,
        Erasure.DELETE, by=_OF_ACTIVITY, hidden=frozenset({"number_key", "use_key"}),
    ),
    "seal_check": nobody(Text("夜间复核", "nightly checks")),
    "vesting": Kept(
        Text("待生效的减碳量", "grams that wait"), COUNTING, Text("至生效日", "until they vest"), Erasure.EXPIRE,
        by=_OF_ACTIVITY,
    ),
    "what_if_person": Kept(
        Text("方法学试算中的变化", "changes in a trial of a methodology"), COUNTING,
        Text("试算结束时", "until the trial ends"), Erasure.EXPIRE, by=_OWN,
    ),
    "what_if_run": nobody(Text("方法学试算", "trials of a methodology"), names=frozenset({"last_account_id"})),
    "what_if_usage": Kept(
        Text("方法学试算中的计数", "counters in a trial"), COUNTING, Text("试算结束时", "until the trial ends"),
        Erasure.EXPIRE, by=(account("subject_id"),),
    ),
}  # fmt: skip
