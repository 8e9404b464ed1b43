"""The register of this schema: what each table keeps about people. See `shared/personal_data.py`."""

from typing import Final

from shared.language import Text
from shared.personal_data import (
    ACCOUNT,
    COUNTING,
    ERASURE,
    FOR_GOOD,
    LOG_IN,
    MANDATE,
    MESSAGING,
    PARTNERS,
    PROOF,
    REPRESENTING,
    Erasure,
    Kept,
    Link,
    Purpose,
    account,
    approvals,
    audit_log,
    nobody,
    plumbing,
    through,
    user,
)

_USER: Final = (user(),)


def _of_user(
    zh: str,
    en: str,
    why: Purpose,
    *,
    until: Text = ERASURE,
    by: tuple[Link, ...] = _USER,
    hidden: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    order: int = 0,
) -> Kept:
    return Kept(
        Text(zh, en), why, until, Erasure.DELETE, by=by, hidden=frozenset(hidden), names=frozenset(names), order=order
    )


TABLES: Final[dict[str, Kept]] = {
    **plumbing(),
    **audit_log(),
    **approvals(),
    "app_user": _of_user(
        "用户：微信标识的密文与登录时间", "user: the sealed open id, times of log-in", LOG_IN,
        hidden=("openid_hash", "openid_sealed"), order=9,
    ),
    "binding": _of_user(
        "与合作方的绑定", "bindings to partners", COUNTING, hidden=("account_key",), names=("account_id",), order=2
    ),
    "binding_authorization": _of_user(
        "在合作方处授权的过程（散列）", "authorizations at partners, as hashes", COUNTING,
        until=Text("过期后 1 天", "1 day after expiry"), hidden=("state_sha256", "code_hash"),
    ),
    "binding_token": _of_user(
        "绑定二维码", "QR codes for binding", COUNTING, until=Text("过期后 1 天", "1 day after expiry"),
        hidden=("token_sha256",), order=1,
    ),
    "carbon_account": Kept(
        Text("碳账户", "carbon accounts"), ACCOUNT, ERASURE, Erasure.DELETE, by=_USER,
        loose=Text("家庭与企业的账户不属于某个人", "those of households and enterprises belong to no single person"),
        names=frozenset({"account_id", "account_no"}), order=8,
    ),
    "consent": _of_user("同意记录", "consents", PROOF, order=1),
    "consent_change": _of_user("同意的每次变更", "every change of consents", PROOF),
    "data_export": _of_user("信息导出的申请", "exports", PROOF, until=Text("7 天", "7 days"), order=3),
    "dead_letter_resolution": Kept(
        Text("对无法处理消息的处置", "what was done with dead letters"), PARTNERS, Text("180 天", "180 days"),
        Erasure.EXPIRE,
        loose=Text("重新发布的消息可能带有假名编号", "the published message may hold a pseudonymous id"),
    ),
    "declared_age": _of_user(
        "声明未满 14 岁者满 14 岁的日期（密文）", "people who said to be under 14: the sealed day they turn 14", PROOF,
        hidden=("turns_14_sealed",), names=("account_id",),
    ),
    "enterprise": Kept(
        Text("企业，及申请时的联系人（密文）", "enterprises, with the sealed contact of the application"), REPRESENTING,
        FOR_GOOD, Erasure.CLEAR, by=(user("applied_by"),), hidden=frozenset({"contact_sealed"}),
        clear={"applied_by": "NULL", "contact_sealed": "NULL"},
    ),
    "enterprise_document": Kept(
        Text("企业证件：申请未通过的删除，其余保留", "documents of enterprises, deleted unless they were approved"),
        REPRESENTING, FOR_GOOD, Erasure.CLEAR, by=(user("uploaded_by"),), hidden=frozenset({"key_sealed"}),
        clear={"uploaded_by": "NULL"},
    ),
    "enterprise_document_piece": Kept(
        Text("企业证件的内容（以证件密钥加密）", "contents of documents, sealed with the document's key"), REPRESENTING,
        FOR_GOOD, Erasure.RETAIN,
        loose=Text("属于企业，证件上可能有姓名", "belongs to the enterprise; a document may show names"),
    ),
    "enterprise_member": _of_user(
        "企业成员、角色与姓名（密文）", "memberships of enterprises, roles, the sealed name", REPRESENTING,
        hidden=("name_sealed",), names=("account_id",),
    ),
    "erasure": Kept(
        Text("申请注销的记录", "erasures"), PROOF, FOR_GOOD, Erasure.RETAIN, by=(account(),),
        names=frozenset({"user_id"}),
    ),
    "erasure_answer": Kept(
        Text("各服务对注销的答复", "answers of the services to an erasure"), PROOF, FOR_GOOD, Erasure.RETAIN,
        by=(through("erasure", "erasure_id"),),
    ),
    "export_archive": Kept(
        Text("导出的压缩包（以本人密钥加密）", "archives of exports, sealed with the person's key"), PROOF,
        Text("7 天", "7 days"), Erasure.DELETE, by=(through("data_export", "export_id"),),
        hidden=frozenset({"sealed"}), order=2,
    ),
    "family_card": Kept(
        Text("亲情卡及其代管人", "family cards, their holders and proxies"), ACCOUNT, FOR_GOOD, Erasure.PSEUDONYM,
        by=(user(), user("proxy_user_id")), hidden=frozenset({"qr_sha256", "label_sealed"}),
    ),
    "family_card_code": Kept(
        Text("亲情卡移交码（散列）", "codes of family cards, as a hash"), ACCOUNT, Text("15 分钟", "15 minutes"),
        Erasure.EXPIRE, by=(through("family_card", "card_id"),), hidden=frozenset({"token_sha256"}),
    ),
    "family_card_event": Kept(
        Text("对亲情卡的操作", "acts on family cards"), PROOF, FOR_GOOD, Erasure.PSEUDONYM,
        by=(through("family_card", "card_id"),), hidden=frozenset({"request_id"}),
    ),
    "freeze_question": _of_user(
        "对冻结的提问与答复（以本人密钥加密）", "questions about a freeze, sealed with the person's key", ACCOUNT,
        hidden=("text_sealed", "answer_sealed"),
    ),
    "guardian_code": _of_user(
        "给监护人看的码（散列）", "codes shown to a guardian, as a hash", PROOF,
        until=Text("过期后 1 天", "1 day after expiry"), by=(user(), through("guardianship", "guardianship_id")),
        hidden=("token_sha256",),
    ),
    "guardianship": _of_user(
        "监护关系", "guardianships", PROOF, by=(user("ward_id"), user("guardian_id")),
        hidden=("ward_id", "guardian_id"), order=1,
    ),
    "household": Kept(
        Text("家庭", "households"), ACCOUNT, FOR_GOOD, Erasure.CLEAR, by=(user("opened_by"),),
        clear={"opened_by": "NULL"}, hidden=frozenset({"name_sealed"}), names=frozenset({"owner_id"}), order=3,
    ),
    "household_handover": Kept(
        Text("户主移交的提议", "offers to hand a household over"), ACCOUNT, Text("7 天", "7 days"), Erasure.DELETE,
        by=(through("household_member", "membership_id"),),
    ),
    "household_invitation": _of_user(
        "家庭邀请码", "invitations to a household", ACCOUNT, until=Text("过期后 1 天", "1 day after expiry"),
        by=(user("invited_by"), through("household_member", "membership_id")), hidden=("token_sha256",),
    ),
    "household_member": _of_user(
        "在家庭中的时段", "stays in households", ACCOUNT, hidden=("nickname_sealed",), names=("account_id",), order=2
    ),
    "household_meter": Kept(
        Text("家庭电表（号码的密钥散列）", "meters of households, as a keyed hash"), ACCOUNT,
        Text("家庭解散时结束，记录保留", "ended when the household closes, kept as history"), Erasure.PSEUDONYM,
        loose=Text("属于家庭，不属于某个人", "belongs to a household, not to one person"),
        names=frozenset({"meter_key"}),
    ),
    "household_rule": nobody(Text("家庭用碳规则", "rules by which households spend")),
    "household_rule_agreement": Kept(
        Text("对用碳规则的同意", "agreements to a rule of a household"), ACCOUNT, FOR_GOOD, Erasure.PSEUDONYM,
        by=(through("household_member", "membership_id"),),
    ),
    "household_rule_proposal": Kept(
        Text("用碳规则的提议", "proposed rules of households"), ACCOUNT, FOR_GOOD, Erasure.PSEUDONYM,
        by=(through("household_member", "proposed_by", "membership_id"),),
    ),
    "log_in_code": Kept(
        Text("正在兑换的登录凭证（密钥散列）", "log-in codes in exchange, as a keyed hash"), LOG_IN,
        Text("5 分钟", "5 minutes"), Erasure.DELETE, by=(through("login_session", "session_id"),),
        hidden=frozenset({"code_hash"}),
    ),
    "login_session": _of_user(
        "登录会话、设备与最近使用的时间", "log-in sessions, their devices and times of use", LOG_IN,
        until=Text("180 天，或注销时", "180 days, or until erasure"), order=2,
    ),
    "lookup_key": Kept(
        Text("索引密钥的轮换进度", "progress of a change of the index keys"), LOG_IN, FOR_GOOD, Erasure.PSEUDONYM,
        loose=Text("进度停在某个用户编号", "the progress is the id of the last user"),
        names=frozenset({"users_through", "phones_through"}),
    ),
    "mandate": _of_user("对平台的授权", "mandates given to platforms", MANDATE, names=("account_id",)),
    "mandate_terms": Kept(
        Text("平台的授权条款，及制定人与复核人", "terms of mandates, with their maker and checker"), REPRESENTING,
        FOR_GOOD, Erasure.RETAIN, by=(user("made_by"), user("published_by")),
    ),
    "message": _of_user(
        "微信订阅消息", "messages through WeChat", MESSAGING, until=Text("90 天", "90 days"),
    ),
    "message_choice": _of_user("订阅的消息种类与次数", "kinds and numbers of messages asked for", MESSAGING, order=1),
    "message_run": Kept(
        Text("每日消息的进度", "progress of the daily messages"), MESSAGING, Text("90 天", "90 days"), Erasure.EXPIRE,
        loose=Text("进度停在某个用户编号", "the progress is the id of the last user"), names=frozenset({"position"}),
    ),
    "message_window": nobody(Text("消息发送次数", "counts of messages that were sent")),
    "refresh_token": Kept(
        Text("续期凭证（散列）", "refresh tokens, as a hash"), LOG_IN, Text("30 天", "30 days"), Erasure.DELETE,
        by=(through("login_session", "session_id"),), hidden=frozenset({"token_sha256"}), order=1,
    ),
    "meter_claim": Kept(
        Text("待确认的电表（号码的密钥散列）", "meters to be confirmed, as a keyed hash"), ACCOUNT, FOR_GOOD,
        Erasure.PSEUDONYM, loose=Text("属于家庭，不属于某个人", "belongs to a household, not to one person"),
        names=frozenset({"meter_key"}),
    ),
    "operator_account": nobody(Text("运营人员账号", "operators' accounts")),
    "operator_action": Kept(
        Text("运营人员查询碳账户的记录", "operators' look-ups of accounts"), PROOF, FOR_GOOD, Erasure.RETAIN,
        by=(account(),), hidden=frozenset({"operator", "request_id"}), names=frozenset({"account_no"}),
    ),
    "operator_attempt": nobody(Text("运营登录尝试次数", "attempts of operators to log in")),
    "operator_log_in": nobody(Text("运营登录流程", "operators' log-ins at the provider")),
    "operator_session": nobody(Text("运营登录会话", "operators' sessions")),
    "partner_grant": Kept(
        Text("合作方令牌（密文），仅用于撤销", "sealed tokens of partners, kept to be revoked"), COUNTING,
        Text("撤销后删除", "deleted after their revocation"), Erasure.EXPIRE, by=_USER,
        hidden=frozenset({"tokens_sealed"}),
    ),
    "partner_nonce": nobody(Text("合作方签名随机数", "nonces of partners' signatures")),
    "person_key": _of_user(
        "本人的数据密钥（密文）", "the person's data key, sealed", PROOF, hidden=("key_sealed",)
    ),
    "phone": _of_user(
        "手机号：密钥散列与密文", "phone number: keyed hash and ciphertext", ACCOUNT,
        hidden=("phone_hash", "phone_sealed"),
    ),
    "policy": nobody(Text("隐私政策版本", "versions of the privacy policy")),
    "signing_key": nobody(Text("令牌签名密钥", "keys that sign tokens")),
    "steps_reported": _of_user("步数已上报至哪一天", "the last day of reported steps", COUNTING),
    "text_check": _of_user(
        "待人工审核的文字（密文）", "texts that await or had a person's check, sealed", ACCOUNT,
        until=Text("90 天", "90 days"), hidden=("text_hash", "text_sealed"),
    ),
    "quota_use": _of_user("操作次数", "counts of uses", LOG_IN, until=Text("1 天", "1 day")),
}  # fmt: skip
