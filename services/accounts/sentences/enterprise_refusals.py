"""Refusals about enterprises, their members and documents, and about mandates."""

from typing import Final

from shared.language import Sentence, Text

USCC_INVALID: Final = Sentence(
    Text("统一社会信用代码有误", "This is not a unified social credit code"),
    Text(
        "代码的格式或末位校验不对，没有提交申请。请对照营业执照，用大写字母和半角数字填写。",
        "Form or check character is wrong, so nothing was sent. Copy it from the licence in capitals and digits.",
    ),
)
USCC_TAKEN: Final = Sentence(
    Text("这个代码已有企业碳账户", "This code has an enterprise account"),
    Text(
        "同一代码只能开一个企业碳账户，没有提交申请。请让贵单位的管理员添加您；确有疑问，请联系客服。",
        "A code has one account or open application, so nothing was applied for. Ask its administrator to add you.",
    ),
)
ENTERPRISE_NOT_FOUND: Final = Sentence(
    Text("没有这个企业", "No such enterprise"),
    Text(
        "企业不存在，或您不是其中的成员。请让贵单位的管理员添加您。",
        "There is no such enterprise, or you are not a member of it. Ask its administrator to add you.",
    ),
)
ENTERPRISE_STATE_CONFLICT: Final = Sentence(
    Text("企业现在的状态不能这样办", "The enterprise's state does not allow this"),
    Text(
        "没有办理，企业没有变动。请先查看企业的状态，再决定下一步。",
        "Nothing was done and the enterprise is unchanged. Look at its present state first.",
    ),
)
ENTERPRISE_SUSPENDED: Final = Sentence(
    Text("企业已暂停", "The enterprise is suspended"),
    Text(
        "暂停期间不能办理，没有变动，企业的减碳量还在。请联系客服了解原因。",
        "It cannot act while it is suspended. Nothing was changed and its grams are still there. Ask support why.",
    ),
)
ENTERPRISE_ROLE_REQUIRED: Final = Sentence(
    Text("您没有这项权限", "Your role does not allow this"),
    Text(
        "您在这个企业的角色不能办理，没有变动。请让管理员办理，或请管理员给您这个角色。",
        "Your roles in this enterprise do not allow it, and nothing was changed. Ask an administrator.",
    ),
)
ENTERPRISE_NOT_EMPTY: Final = Sentence(
    Text("企业碳账户还不能关闭", "The enterprise account is not empty"),
    Text(
        "账户里还有没有结清的内容，没有关闭。请按清单逐项结清后再关闭。",
        "Something is left in it, so it was not closed. Settle what is listed, then close it.",
    ),
)
HOLDINGS_UNAVAILABLE: Final = Sentence(
    Text("暂时读不到企业的余额", "The enterprise's balance cannot be read"),
    Text(
        "企业没有关闭，也没有变动。请过几分钟再试。",
        "The enterprise was not closed. Please try again in a few minutes.",
    ),
)
MEMBER_ACCOUNT_NOT_FOUND: Final = Sentence(
    Text("没有这个个人碳账户", "No such personal account"),
    Text(
        "查不到这个号码的个人碳账户，没有添加。请向本人核对号码。",
        "There is no personal account with this number, so nobody was added. Check it with the person.",
    ),
)
MEMBER_NOT_FOUND: Final = Sentence(
    Text("没有这位成员", "No such member"),
    Text(
        "成员不存在，或已经退出。请刷新成员名单。",
        "There is no such member, or the person has left. Read the list again.",
    ),
)
MEMBERS_FULL: Final = Sentence(
    Text("成员已满", "There are too many members"),
    Text(
        "一个企业最多 {limit} 位成员，没有添加。请先移除不再需要的成员。",
        "An enterprise has at most {limit} members, so nobody was added. Remove somebody first.",
    ),
)
ENTERPRISES_FULL: Final = Sentence(
    Text("加入的企业太多", "Too many enterprises"),
    Text(
        "一人最多加入 {limit} 个企业，这次没有办理。请先退出不用的企业。",
        "A person belongs to at most {limit} enterprises. Nothing was done. Leave one that is not needed.",
    ),
)
LAST_ADMIN: Final = Sentence(
    Text("这是最后一位管理员", "This is the last administrator"),
    Text(
        "企业至少要有一位管理员，没有变动。请先让另一位成员成为管理员。",
        "An enterprise needs an administrator, so nothing was changed. Make another member one first.",
    ),
)
ADMIN_REMAINS: Final = Sentence(
    Text("企业还有管理员", "The enterprise has an administrator"),
    Text(
        "成员由现有管理员办理，没有变动。只有最后一位管理员已不在时，才由两位运营人员任命。",
        "Its administrator manages members, so nothing was changed. Operators appoint one only after the last is gone.",
    ),
)
DOCUMENT_NOT_FOUND: Final = Sentence(
    Text("没有这份材料", "No such document"),
    Text(
        "材料不存在，或已经删除。请查看材料清单。",
        "The document does not exist or was deleted. See the list of documents.",
    ),
)
DOCUMENT_TYPE_INVALID: Final = Sentence(
    Text("材料的格式不对", "The document has another type"),
    Text(
        "只收扫描件或照片，而且格式要与内容一致，这份没有保存。请换一个文件。",
        "Only scans and pictures whose content fits their type. This one was not stored. Send another file.",
    ),
)
DOCUMENT_HASH_MISMATCH: Final = Sentence(
    Text("材料没有传完整", "The document did not arrive intact"),
    Text(
        "收到的内容与声明的散列不一致，没有保存。请重新上传。",
        "Its content does not fit the declared hash, so nothing was stored. Please upload it again.",
    ),
)
DOCUMENTS_TOO_LARGE: Final = Sentence(
    Text("材料太多或太大", "There are too many documents"),
    Text(
        "全部材料最多 {files} 份、共 {mib} 兆，这份没有保存。请压缩后再上传，或先删除不需要的。",
        "At most {files} documents of {mib} megabytes together. This one was not stored. Send a smaller one.",
    ),
)
DOCUMENT_MISSING: Final = Sentence(
    Text("缺少营业执照", "The business licence is missing"),
    Text(
        "申请里没有营业执照，还不能核准。请让申请人先上传。",
        "There is no business licence in the application, so it cannot be approved. The applicant uploads it first.",
    ),
)
APPLICATION_CHANGED: Final = Sentence(
    Text("申请内容有变化", "The application has changed"),
    Text(
        "提议之后材料或企业信息有变动，没有核准。请驳回这份提议，重新核对后再提。",
        "Documents or facts changed after the proposal, so it was not approved. Reject it and look again.",
    ),
)
TERMS_NOT_FOUND: Final = Sentence(
    Text("没有这份委托条款", "No such terms"),
    Text(
        "条款不存在，或已经停用。请查看平台现行的条款。",
        "The terms do not exist or have ended. See the platform's current ones.",
    ),
)
TERMS_EXIST: Final = Sentence(
    Text("这个版本的条款已存在", "This version of the terms exists"),
    Text(
        "同一版本不能有两份内容，没有保存。请换一个版本号。",
        "A version has one text, so nothing was stored. Use another version.",
    ),
)
TERMS_OUTDATED: Final = Sentence(
    Text("委托条款已更新", "The terms have changed"),
    Text(
        "您看到的不是现行条款，还没有委托。请阅读现行条款（{current}）后再决定。",
        "You did not see the current terms, and no mandate was given. Read version {current} and decide then.",
    ),
)
NOT_A_PLATFORM: Final = Sentence(
    Text("这个企业不是归集平台", "This enterprise pools nothing"),
    Text(
        "企业不在归集平台之列，没有办理。请在平台列表里选择。",
        "It is no platform for pooling. Nothing was done. Choose one in the list.",
    ),
)
MAKER_MAY_NOT_CHECK: Final = Sentence(
    Text("须由另一位成员复核", "Another member has to check this"),
    Text(
        "提交的人不能自己复核，条款没有发布。请另一位复核人办理。",
        "Who submitted it may not check it, so it was not published. Ask another checker.",
    ),
)
NOTICE_TOO_SHORT: Final = Sentence(
    Text("提前通知的时间不够", "The notice is too short"),
    Text(
        "终止委托须提前 {days} 天告知，没有办理。最早可以是 {earliest}。",
        "Mandates end {days} days after the notice at the earliest. Nothing was done. The first moment is {earliest}.",
    ),
)
MANDATE_EXISTS: Final = Sentence(
    Text("您已委托这个平台", "You have given this platform a mandate"),
    Text(
        "现有的委托仍然有效，这次没有改动。要改条款，请先终止现有的委托。",
        "The present mandate is still valid and nothing was changed. End it before you give another one.",
    ),
)
MANDATE_NOT_FOUND: Final = Sentence(
    Text("没有这份委托", "No such mandate"),
    Text(
        "委托不存在，或不是您的。请查看您的委托列表。",
        "The mandate does not exist or is not yours. See the list of your mandates.",
    ),
)
