"""The register of this schema: what each table keeps about people. See `shared/personal_data.py`.

Orders and donations stay: sponsors are billed by them. A certificate names a campaign and grams, nobody:
its holder is in a table of its own, and goes with the donor.
"""

from typing import Final

from shared import erasing
from shared.language import Text
from shared.personal_data import (
    ERASURE,
    FOR_GOOD,
    REDEEMING,
    REPRESENTING,
    Basis,
    Erasure,
    Kept,
    Purpose,
    account,
    approvals,
    audit_log,
    nobody,
    plumbing,
    through,
    user,
)

_BILLING: Final = Text("长期，用于与商家结算", "for good: sponsors are billed by it")
_THANKING: Final = Purpose(Text("在感谢名单里显示称呼", "naming donors in lists of thanks"), Basis.CONSENT)
RECOGNITION: Final = Purpose(Text("徽章、等级与排行", "badges, levels and rankings"), Basis.CONTRACT)
RANKING: Final = Purpose(Text("排行", "rankings"), Basis.CONSENT)
_CLEAR_SETTLED: Final = {"request_id": "''", "last_error": "NULL"}

TABLES: Final[dict[str, Kept]] = {
    **plumbing(),
    **audit_log(),
    **approvals(),
    **erasing.REGISTER,
    "bank": nobody(Text("合作银行", "banks")),
    "bank_key": nobody(Text("银行公钥", "public keys of banks")),
    "bank_nonce": nobody(Text("用过的签名随机串", "nonces of signatures seen")),
    "badge": Kept(
        Text("获得与收回的徽章", "badges earned and withdrawn"), RECOGNITION, ERASURE, Erasure.DELETE, by=(account(),)
    ),
    "board": nobody(Text("榜", "boards")),
    "board_class": nobody(Text("榜上分数的分布", "histograms of boards")),
    "budget": nobody(Text("预算", "budgets")),
    "campaign": nobody(Text("公益活动", "campaigns")),
    "campaign_donor": Kept(
        Text("为活动捐赠的总数", "sum of a donor's donations"), REDEEMING, FOR_GOOD, Erasure.PSEUDONYM,
        by=(user("donor_id"),),
    ),
    "category": nobody(Text("商品类别", "categories of items")),
    "certificate": Kept(
        Text("捐赠证书（无姓名）", "certificates, without a name"), REDEEMING, FOR_GOOD, Erasure.PSEUDONYM,
        by=(through("donation", "donation_id"),),
    ),
    "certificate_holder": Kept(
        Text("证书的捐赠人", "holders of certificates"), REDEEMING, ERASURE, Erasure.DELETE, by=(user(),)
    ),
    "certificate_revocation": nobody(Text("证书的撤销", "revocations of certificates")),
    "document": Kept(
        Text("证书与年度明细的文件", "files of certificates and yearly statements"), REDEEMING,
        Text("30 天无人打开即删除", "until nobody has opened it for 30 days"), Erasure.DELETE,
        by=(through("certificate_holder", "certificate_no"), user()), hidden=frozenset({"file"}),
    ),
    "donation": Kept(
        Text("捐赠", "donations"), REDEEMING, _BILLING, Erasure.CLEAR, by=(user(),),
        names=frozenset({"account_id", "spender_id"}),
        clear={**_CLEAR_SETTLED, "idempotency_key": "donation_id::text"},
    ),
    "donor_name": Kept(
        Text("同意公开的称呼", "the name under which a donor agreed to be thanked"), _THANKING, ERASURE, Erasure.DELETE,
        by=(user(),),
    ),
    "enterprise": nobody(
        Text("企业（来自账户服务）", "enterprises, as accounts published them"), names=frozenset({"account_id"})
    ),
    "enterprise_member": Kept(
        Text("企业成员与角色（来自账户服务）", "members of enterprises, as accounts published them"), REPRESENTING,
        ERASURE, Erasure.DELETE, by=(account(),),
    ),
    "earned_day": Kept(
        Text("每天的减碳量，按场景", "grams earned by day and scene"), RECOGNITION, ERASURE, Erasure.DELETE,
        by=(account(),),
    ),
    "earned_scene": Kept(
        Text("各场景的减碳量", "grams earned by scene"), RECOGNITION, ERASURE, Erasure.DELETE, by=(account(),)
    ),
    "earned_total": Kept(
        Text("累计减碳量与有行为的日期", "grams earned in all, and the days with an act"), RECOGNITION, ERASURE,
        Erasure.DELETE, by=(account(),),
    ),
    "group_member": Kept(
        Text("家庭与企业的成员", "members of households and enterprises"), RECOGNITION, ERASURE, Erasure.DELETE,
        by=(account(),),
    ),
    "item": nobody(Text("兑换商品", "items")),
    "item_stock": nobody(Text("库存", "stock")),
    "item_taken": Kept(
        Text("限购计数", "pieces taken of an item"), REDEEMING, FOR_GOOD, Erasure.PSEUDONYM, by=(user(),)
    ),
    "loan_month": Kept(
        Text("每月抵扣利息的累计", "interest offset in a month"), REDEEMING, FOR_GOOD, Erasure.PSEUDONYM, by=(user(),)
    ),
    "loan_offset": Kept(
        Text("贷款利息抵扣", "offsets of loan interest"), REDEEMING, _BILLING, Erasure.CLEAR, by=(user(),),
        names=frozenset({"account_id", "spender_id"}),
        clear={**_CLEAR_SETTLED, "idempotency_key": "offset_id::text"},
    ),
    "loan_quote": Kept(
        Text("银行报价", "quotes of banks"), REDEEMING, Text("到期后一天", "a day after they end"), Erasure.EXPIRE,
        hidden=frozenset({"customer_ref"}),
        loose=Text(
            "市民给银行的称呼，由密钥算出，查不到本人", "what a bank calls a citizen: made with a key, leads to nobody"
        ),
    ),
    "member_group": nobody(Text("家庭与企业", "households and enterprises"), names=frozenset({"account_id"})),
    "orders": Kept(
        Text("兑换订单", "orders"), REDEEMING, _BILLING, Erasure.CLEAR, by=(user(),),
        names=frozenset({"account_id", "spender_id"}),
        clear={
            **_CLEAR_SETTLED,
            "idempotency_key": "order_id::text",
            "client_request_id": "order_id::text",
        },
    ),
    "clearing_day": nobody(Text("商家日结", "days settled with merchants")),
    "clearing_line": nobody(Text("商家日结明细", "lines of settled days")),
    "dispute": Kept(
        Text("核销异议", "disputes about redemptions"), REDEEMING, _BILLING, Erasure.PSEUDONYM,
        by=(through("orders", "order_id"),), names=frozenset({"opened_by"}),
    ),
    "merchant": nobody(Text("商家", "merchants")),
    "merchant_key": nobody(Text("商家密钥（密文）", "keys of merchants, sealed")),
    "merchant_nonce": nobody(Text("商家签名的随机串", "nonces of merchants' signatures")),
    "offline_report": Kept(
        Text("断网期间收的券", "what tills accepted without a line"), REDEEMING, _BILLING, Erasure.PSEUDONYM,
        by=(through("orders", "order_id"),),
    ),
    "redemption": Kept(
        Text("核销记录", "redemptions of vouchers"), REDEEMING, _BILLING, Erasure.PSEUDONYM,
        by=(through("orders", "order_id"),),
    ),
    "shop": nobody(Text("门店", "shops")),
    "till": nobody(Text("收银台", "tills")),
    "till_enrolment": nobody(Text("收银台登记码", "enrolment codes of tills")),
    "voucher_import": nobody(Text("券码导入记录", "imports of codes")),
    "voucher_returned": Kept(
        Text("退回的券", "vouchers that were given back"), REDEEMING, FOR_GOOD, Erasure.PSEUDONYM, by=(user(),)
    ),
    "voucher_terms": nobody(Text("券的有效期", "validity of vouchers")),
    "picture": nobody(Text("商品图片", "pictures of items")),
    "ranking_consent": Kept(
        Text("参加排行的同意", "consents to rankings"), RANKING, ERASURE, Erasure.DELETE, by=(account(),)
    ),
    "ranking_participant": Kept(
        Text("排行的代号与区", "pseudonyms and districts in rankings"), RANKING, ERASURE, Erasure.DELETE,
        by=(account(),),
    ),
    "recognised_act": Kept(
        Text("计入的低碳行为", "acts that count"), RECOGNITION, ERASURE, Erasure.DELETE, by=(account(),)
    ),
    "recognised_donation": Kept(
        Text("计入的捐赠", "donations that count"), RECOGNITION, ERASURE, Erasure.DELETE, by=(account(),)
    ),
    "recognition_due": Kept(
        Text("待更新的账户", "accounts to be refreshed"), RECOGNITION, Text("几秒", "some seconds"), Erasure.EXPIRE,
        by=(account("subject"),),
    ),
    "recognition_state": nobody(Text("汇总的状态", "state of the sums")),
    "reconciliation_difference": Kept(
        Text("与总账的差异", "differences from the ledger"), REDEEMING, Text("90 天", "90 days"), Erasure.EXPIRE,
        by=(account(), account("hold_account_id")),
    ),
    "reconciliation_run": nobody(Text("与总账的核对", "reconciliations with the ledger")),
    "reconciliation_total": nobody(Text("核对合计", "sums of a reconciliation")),
    "standing_order": Kept(
        Text("每月捐赠", "monthly donations"), REDEEMING, ERASURE, Erasure.DELETE, by=(user(),),
        names=frozenset({"account_id"}), order=1,
    ),
    "standing_run": Kept(
        Text("每月捐赠的各月结果", "what became of each month of a monthly donation"), REDEEMING, ERASURE,
        Erasure.DELETE, by=(through("standing_order", "standing_order_id"),),
    ),
    "team": Kept(
        Text("小队", "teams"), REDEEMING, FOR_GOOD, Erasure.CLEAR, by=(user("opened_by"),),
        hidden=frozenset({"code_hash"}), clear={"name": "'小队'"}, order=1,
    ),
    "team_member": Kept(
        Text("小队成员", "members of teams"), REDEEMING, ERASURE, Erasure.DELETE, by=(user(),),
        names=frozenset({"member_id"}),
    ),
    "standing": Kept(
        Text("排行的名次", "places in rankings"), RANKING,
        Text("退出或注销后几秒", "some seconds after leaving or erasure"), Erasure.EXPIRE, by=(account("member"),),
    ),
    "voucher": Kept(
        Text("券码（密文）", "voucher codes, sealed"), REDEEMING, _BILLING, Erasure.CLEAR,
        by=(through("orders", "order_id"),), names=frozenset({"user_id"}),
        hidden=frozenset({"code_hash", "code_sealed", "secret_sealed"}),
        clear={"code_sealed": "''::bytea", "secret_sealed": "NULL", "opened_at": "NULL"},
    ),
    "window_taken": Kept(
        Text("按天、按月、按活动的限购计数", "pieces taken in a day, a month or a promotion"),
        REDEEMING, FOR_GOOD, Erasure.PSEUDONYM, by=(user(),),
    ),
}  # fmt: skip
