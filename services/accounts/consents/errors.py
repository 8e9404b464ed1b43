from shared.errors import Conflict


class ConsentRequired(Conflict):
    code = "CONSENT_REQUIRED"
    title_zh = "需要您的同意"
    title_en = "Your consent is needed"
    detail_zh = "请先同意个人信息处理规则（{purpose}）。"
    detail_en = "Give consent to {purpose} first."
