from shared.errors import InvalidRequest


class PolicyVersionUnknown(InvalidRequest):
    code = "POLICY_VERSION_UNKNOWN"
    title_zh = "没有这一版个人信息处理规则"
    title_en = "There is no such version of the policy"
    detail_zh = "请阅读现行版本（{current}）后再同意。"
    detail_en = "Read the current version ({current}) and consent to that one."


class PolicyVersionOutdated(InvalidRequest):
    code = "POLICY_VERSION_OUTDATED"
    title_zh = "个人信息处理规则已更新"
    title_en = "The policy has a newer version"
    detail_zh = "您看到的是旧版本。请阅读现行版本（{current}）后再同意。"
    detail_en = "You saw an older version. Read the current one ({current}) and consent to that."
