"""Refusals of operators: log-in, sessions and look-ups."""

from typing import Final

from shared.language import Sentence, Text

TOO_MANY_LOOK_UPS: Final = Sentence(
    Text("查询次数已达上限", "Too many look-ups"),
    Text(
        "每小时最多查询 {per_hour} 次，每天最多 {per_day} 次，这次没有查询，已记录并告警。请过一会儿再查。",
        "At most {per_hour} look-ups an hour and {per_day} a day. This refusal is recorded and raises an alarm. Wait.",
    ),
)
LOG_IN_REFUSED: Final = Sentence(
    Text("登录没有成功", "The log-in was refused"),
    Text(
        "用户名、密码或动态码有误。动态码只能使用一次，请等下一个再试。",
        "Name, password or one-time code is wrong. A code works once: wait for the next one.",
    ),
)
LOG_IN_LOCKED: Final = Sentence(
    Text("尝试次数过多，暂停登录", "Too many attempts, the log-in is locked"),
    Text(
        "为了安全，现在不能登录。请在 {minutes} 分钟后再试，或联系管理员。",
        "Nobody can log in with this name now. Try again in {minutes} minutes, or ask an administrator.",
    ),
)
LOCAL_LOG_IN_OFF: Final = Sentence(
    Text("请使用统一身份认证登录", "Log in with the identity provider"),
    Text(
        "本系统没有启用本地账户登录，您还没有登录。请从统一身份认证进入。",
        "Local accounts are switched off here, because there is an identity provider. Use that one.",
    ),
)
PROVIDER_LOG_IN_OFF: Final = Sentence(
    Text("请使用本地账户登录", "Log in with a local account"),
    Text(
        "本系统没有接入统一身份认证，您还没有登录。请用用户名、密码和动态码登录。",
        "No identity provider is set up here. Use name, password and one-time code.",
    ),
)
OPERATOR_WITHOUT_ROLE: Final = Sentence(
    Text("没有运营权限", "No role here"),
    Text(
        "身份已确认，但您在本系统没有任何角色。请联系管理员。",
        "You are known, but have no role in this system. Ask an administrator.",
    ),
)
OPERATOR_DISABLED: Final = Sentence(
    Text("账户已停用", "This operator is disabled"),
    Text("您的运营账户已停用，不能登录。请联系管理员。", "You cannot log in with this account. Ask an administrator."),
)
OPERATOR_ELSEWHERE: Final = Sentence(
    Text("身份标识已属于另一认证系统", "This subject came from another issuer"),
    Text(
        "同一标识不能代表两个人，您还没有登录。请联系管理员。",
        "One subject cannot stand for two persons, and you are not logged in. Ask an administrator.",
    ),
)
OPERATOR_SESSION_ENDED: Final = Sentence(
    Text("登录已结束", "The session has ended"),
    Text(
        "登录已满 8 小时、已退出或已被终止，这次没有办理。请重新登录。",
        "It lived 8 hours, was ended or revoked, and nothing was done. Log in again.",
    ),
)
OPERATOR_REFRESH_INVALID: Final = Sentence(
    Text("登录已失效", "The log-in is not valid any more"),
    Text("登录凭证无效或已用过。请重新登录。", "Its token is wrong or was used before. Log in again."),
)
LOG_IN_UNKNOWN: Final = Sentence(
    Text("本次登录已失效", "This log-in is not valid any more"),
    Text(
        "登录不是从这里开始的、已用过，或超过了 10 分钟。请重新开始登录。",
        "It was begun elsewhere, was used, or is older than 10 minutes. Begin a new log-in.",
    ),
)
OPERATOR_SESSION_NOT_FOUND: Final = Sentence(
    Text("没有这次登录", "No such session"),
    Text("编号不存在，或登录已经结束。请刷新列表再看。", "The id is unknown, or it has ended. Refresh the list."),
)
IDENTITY_PROVIDER_UNAVAILABLE: Final = Sentence(
    Text("统一身份认证暂不可用", "The identity provider does not answer"),
    Text(
        "您还没有登录。请稍后重新登录；仍不行，请联系身份认证系统的管理员。",
        "You are not logged in. Try again in a moment. If it persists, ask whoever runs the identity provider.",
    ),
)
IDENTITY_REFUSED: Final = Sentence(
    Text("身份认证没有通过", "The identity provider's answer was refused"),
    Text(
        "登录凭证无效、已用过，或不属于这次登录，您还没有登录。请重新登录。",
        "The code is invalid, was used, or belongs to another log-in. Log in again.",
    ),
)
OWN_ROLES: Final = Sentence(
    Text("不能办理自己的角色", "Your own roles are decided by others"),
    Text(
        "角色由另外两位管理员提议和批准，这次没有改动。请联系其他管理员。",
        "Two other administrators propose and approve it. Nothing was changed. Ask them.",
    ),
)
ROLE_UNCHANGED: Final = Sentence(
    Text("角色无需改动", "Nothing to change"),
    Text(
        "这位运营人员已有这个角色，或本来就没有。没有改动，请在运营人员列表里核对。",
        "The operator has this role already, or does not have it. Nothing was changed. See the list of operators.",
    ),
)
ROLE_GIVERS_NEEDED: Final = Sentence(
    Text("至少要留两位能授予角色的人", "Two operators who give roles must remain"),
    Text(
        "收回之后，能授予角色的人不足两位，今后就无法授予任何角色。请先给其他人这项角色。",
        "Fewer than two would remain, and no role could be given any more. Give that role to somebody else first.",
    ),
)
OPERATOR_NOT_FOUND: Final = Sentence(
    Text("没有这位运营人员", "No such operator"),
    Text("没有改动。请在运营人员列表里查看。", "Nothing was changed. See the list of operators."),
)
