"""Refusals of the accounting service. Each says what happened, what the reader has, and what to do."""

from typing import Final

from shared.language import Sentence, Text

SCENE_NOT_CLAIMABLE: Final = Sentence(
    Text("这一项不能自己申报", "You cannot declare this yourself"),
    Text(
        "没有记下这次申报。您可以自己申报的有：{scenes}；其他由合作方上报，绑定后自动累计。",
        (
            "Nothing was recorded. You can declare: {scenes}. Partners report everything else once you are "
            "bound to them."
        ),
    ),
)
TOO_MANY_CLAIMS: Final = Sentence(
    Text("今天申报的次数已满", "No more declarations today"),
    Text(
        "每天最多申报 {limit} 次，这次没有记下。请明天再来。",
        "You can declare {limit} times a day, and this one was not recorded. Please come back tomorrow.",
    ),
)
HOUSEHOLD_NOT_FOUND: Final = Sentence(
    Text("没有这个家庭账户", "No such household"),
    Text(
        "家庭账户不存在，或您不是其中的成员。请先创建或加入家庭。",
        "There is no such household, or you are not a member of it. Open or join one first.",
    ),
)
FAMILY_CARD_NOT_FOUND: Final = Sentence(
    Text("没有这张亲情卡", "No such family card"),
    Text(
        "这张亲情卡不存在、已停用，或不由您代管。请在“亲情卡”里查看。",
        "The card does not exist, has ended, or you are not its proxy. See your family cards.",
    ),
)
SPENDER_NOT_ALLOWED: Final = Sentence(
    Text("不能使用这个账户的减碳量", "You cannot use these grams"),
    Text(
        "您不是这个家庭的成员，也不是这张亲情卡的代管人，没有扣除。请选用自己的减碳量。",
        "You are neither a member of that household nor the proxy of that card. No grams were taken. Use your own.",
    ),
)
MONTHLY_LIMIT_REACHED: Final = Sentence(
    Text("本月可用的额度不够", "The monthly limit does not suffice"),
    Text(
        "本月还可用 {left}，这次需要 {needed}，没有扣除。请下个月再来，或请全家同意这一笔。",
        "You can still use {left} this month, and this needs {needed}. No grams were taken. Come back next month, or"
        " ask the whole household to agree.",
    ),
)
AGREEMENT_REQUIRED: Final = Sentence(
    Text("需要全家同意", "The whole household has to agree"),
    Text(
        "使用家庭减碳量要每位家人都同意，这次没有扣除。请先发起约定，等家人都同意后再兑换。",
        "Every member has to agree to this use, so no grams were taken. Propose it first, and order once all agree.",
    ),
)
AGREEMENT_NOT_FOUND: Final = Sentence(
    Text("没有这个约定", "No such agreement"),
    Text(
        "约定不存在，或您不是这个家庭的成员。请在家庭页面查看。",
        "It does not exist, or you are not a member of that household. See the page of your household.",
    ),
)
AGREEMENT_CLOSED: Final = Sentence(
    Text("这个约定已结束", "The agreement has ended"),
    Text(
        "它已使用、已过期、被拒绝或已撤回，没有改动。需要的话，请重新发起。",
        "It was used, refused or withdrawn, or it expired. Nothing was changed. Propose it anew if you need it.",
    ),
)
TOO_MANY_AGREEMENTS: Final = Sentence(
    Text("待同意的约定太多", "Too many open agreements"),
    Text(
        "一个家庭最多同时有 {limit} 个待同意的约定，这次没有发起。请先处理已有的。",
        "A household has at most {limit} open agreements, and this one was not made. Deal with the open ones first.",
    ),
)
ACCOUNT_FROZEN: Final = Sentence(
    Text("碳账户已冻结", "The carbon account is frozen"),
    Text(
        "冻结期间不能使用减碳量，新的减碳量照常累计，这次没有扣除。请联系客服。",
        (
            "Its grams cannot be used while it is frozen. New grams are still credited, and none were taken. "
            "Please ask support."
        ),
    ),
)
ACCOUNT_NOT_FOUND: Final = Sentence(
    Text("没有这个碳账户", "No such carbon account"),
    Text(
        "账户号不存在，或还没有领取。请核对号码。",
        "The number is unknown, or the account is not opened yet. Please check the number.",
    ),
)
ACCOUNT_NOT_FROZEN: Final = Sentence(
    Text("碳账户没有冻结", "The carbon account is not frozen"),
    Text(
        "这个账户现在可以正常使用，没有需要解除的冻结。请刷新后再看。",
        "This account can be used, so there is nothing to lift. Refresh the page to see its state.",
    ),
)
HOLD_DIFFERS: Final = Sentence(
    Text("同一编号的预扣内容不同", "A hold with this id has other fields"),
    Text(
        "这个编号已用于另一笔预扣，这次没有扣住减碳量。请换一个编号。",
        "The id belongs to another hold, and nothing was held. Use another id.",
    ),
)
HOLD_EXPIRY_INVALID: Final = Sentence(
    Text("预扣的期限不对", "The expiry of the hold is not valid"),
    Text(
        "期限须在现在以后、{days} 天以内，没有扣住减碳量。请改一下期限。",
        "It must lie in the future and within {days} days. Nothing was held. Choose another time.",
    ),
)
HOLD_NOT_FOUND: Final = Sentence(
    Text("没有这笔预扣", "No such hold"),
    Text("编号不存在，没有改动账目。请核对编号。", "The id is unknown, and the ledger was not changed. Check the id."),
)
HOLD_SETTLED: Final = Sentence(
    Text("这笔预扣已经结束", "This hold has ended"),
    Text(
        "它已经扣除、退回或到期，不能再改动。请查询它的状态。",
        "It was captured, given back or has expired and cannot be changed. See its status.",
    ),
)
INSUFFICIENT_BALANCE: Final = Sentence(
    Text("减碳量不够", "Not enough grams"),
    Text(
        "您现在可用 {available}，这次需要 {needed}，没有扣除。攒够了再来。",
        "You have {available}, and this needs {needed}. No grams were taken. Earn some more and come back.",
    ),
)
MOVEMENT_NOT_ALLOWED: Final = Sentence(
    Text("系统出了点问题", "Something went wrong on our side"),
    Text(
        "账本不允许这样记账，没有改动账目。请过几分钟再试；仍不行，请联系客服并报上请求编号。",
        (
            "The ledger does not allow this movement, and nothing was posted. Try again in a few minutes. If "
            "it persists, give the request id to support."
        ),
    ),
)
METHODOLOGIES_OVERLAP: Final = Sentence(
    Text("方法学适用范围重叠", "Methodologies overlap"),
    Text(
        ("{first} 与 {second} 自{since}起同时适用于 {region} 的同一类行为，没有发布。请改动其中一份的日期或范围。"),
        (
            "{first} and {second} both apply to the same acts in {region} from {since}. Nothing was "
            "published. Change the dates or scope of one."
        ),
    ),
)
CAP_MISMATCH: Final = Sentence(
    Text("同一上限编号含义不一致", "One cap id with two meanings"),
    Text(
        "上限 {cap_id} 在 {first} 与 {second} 中的周期、计量方式或对象不同，没有发布。请统一，或换一个编号。",
        (
            "The period, measure or subject of cap {cap_id} differs between {first} and {second}. Nothing "
            "was published. Make them equal or use another id."
        ),
    ),
)
DOCUMENT_INVALID: Final = Sentence(
    Text("方法学文件有错误", "The methodology document has faults"),
    Text(
        "共 {count} 处错误，没有保存为可发布的版本。请按列出的位置逐条修改。",
        "It has {count} faults and cannot be published. Correct each of those listed.",
    ),
)
METHODOLOGY_NOT_FOUND: Final = Sentence(
    Text("没有这个方法学版本", "No such methodology version"),
    Text(
        "编号或版本不存在，或还没有公布。请在方法学列表里查看。",
        "The code or version is unknown or not public yet. See the list of methodologies.",
    ),
)
PUBLISHED_DOCUMENT_DIFFERS: Final = Sentence(
    Text("已发布的文件不可更改", "A published document never changes"),
    Text(
        "{name} 已发布且内容不同，没有改动。请使用新的版本号。",
        "{name} is published with other content, and nothing was changed. Use a new version.",
    ),
)
ACTIVITY_NOT_FOUND: Final = Sentence(
    Text("没有这条减碳记录", "No such activity"),
    Text(
        "记录不存在，或不是您的。请在“减碳记录”里查看。",
        "The record does not exist or is not yours. See the list of your activities.",
    ),
)
ALREADY_REVERSED: Final = Sentence(
    Text("这条减碳记录已经撤销过", "This activity is reversed already"),
    Text(
        "没有再次撤销，账目没有改动。请查看这条记录的现状。",
        "It was not reversed again, and the ledger was not changed. See its present state.",
    ),
)
ACCOUNT_ERASED: Final = Sentence(
    Text("这个碳账户已经注销", "This carbon account was erased"),
    Text(
        "账户里的减碳量已经收回，不能再累计或使用。想继续参与，请重新登录并领取新的碳账户。",
        "Its grams were withdrawn, and it neither earns nor spends. To take part again, log in and open a new account.",
    ),
)
ACTIVITY_NOT_CREDITED: Final = Sentence(
    Text("这条减碳记录没有累计过", "This activity was not credited"),
    Text(
        "没有累计减碳量的记录不用撤销，账目没有改动。请查看这条记录的现状。",
        "A record without grams needs no reversal, and the ledger was not changed. See its present state.",
    ),
)
CREDIT_NOT_FOUND: Final = Sentence(
    Text("这次行为没有入账", "This activity has no credit"),
    Text(
        "只有累计过减碳量的行为才有入账证明。请在“减碳记录”里选一条已累计的。",
        "Only an activity that earned grams has a proof. Choose one that was credited.",
    ),
)
NOT_YET_SEALED: Final = Sentence(
    Text("这一天还没有封账", "This day is not sealed yet"),
    Text(
        "{day}的账目在{sealed_after}以后封账，那时就能取得证明。请到时再来。",
        ("The postings of {day} are sealed after {sealed_after}. The proof exists from then on. Please come back."),
    ),
)
DIGEST_NOT_FOUND: Final = Sentence(
    Text("没有这一天的摘要", "There is no digest of this day"),
    Text(
        "这一天没有账目，或还没有封账。请换一天查看。",
        "The day has no postings or is not sealed yet. Choose another day.",
    ),
)
SEAL_BROKEN: Final = Sentence(
    Text("账目与封存的不符", "The ledger differs from its seal"),
    Text(
        "{day}的账目在封账以后被改动过，不能出具证明。请告知运营方。",
        ("Postings of {day} were changed after they were sealed, so there is no proof. Please tell the operator."),
    ),
)
DRAFT_NOT_FOUND: Final = Sentence(
    Text("没有这份草案", "No such draft"),
    Text("草案编号不存在。请在草案列表里查看。", "There is no draft with this id. See the list of drafts."),
)
DRAFT_CLOSED: Final = Sentence(
    Text("草案已结束", "The draft is closed"),
    Text(
        "草案已发布、驳回或撤回，不能再改动。请另建一份草案。",
        "It was published, rejected or withdrawn and cannot be changed. Write a new draft.",
    ),
)
DRAFT_NOT_CHECKED: Final = Sentence(
    Text("草案尚未通过检查", "The draft has not been checked"),
    Text(
        "现在还不能提议发布。请先检查；改动以后要重新检查。",
        "It cannot be proposed yet. Check it first. Every change needs a new check.",
    ),
)
DRAFT_CHANGED: Final = Sentence(
    Text("草案已被改动", "The draft has changed"),
    Text(
        "您审阅以后，内容又有改动，没有批准。现在内容的摘要是 {sha256}，请重新审阅。",
        (
            "It was changed after you read it, and nothing was approved. The hash of its content is now "
            "{sha256}. Read it again."
        ),
    ),
)
CHECK_FAILED: Final = Sentence(
    Text("方法学未通过检查", "The methodology did not pass its checks"),
    Text(
        "共 {count} 处问题，没有发布。请按问题清单修改，再检查一次。",
        "It has {count} faults and was not published. Correct those listed and check it again.",
    ),
)
VERSION_ALREADY_PUBLISHED: Final = Sentence(
    Text("这个版本已经发布", "This version is published already"),
    Text(
        "{name} 已经发布，没有改动。请使用新的版本号。",
        "{name} is published, and nothing was changed. Use a new version number.",
    ),
)
EFFECTIVE_DATE_PAST: Final = Sentence(
    Text("日期太早", "The day is too early"),
    Text(
        "{day}太早：已经开始的一天（北京时间）不会改变，没有提交。请选择{earliest}或以后。",
        (
            "{day} is too early. A day that has begun in Beijing time never changes, and nothing was "
            "submitted. Choose {earliest} or later."
        ),
    ),
)
WARNINGS_NOT_ACKNOWLEDGED: Final = Sentence(
    Text("有提醒尚未确认", "There are warnings to acknowledge"),
    Text(
        "没有提交。请先看提醒，再逐一写明您已知晓的提醒：{names}。",
        "Nothing was submitted. Read the warnings, then acknowledge each by its name: {names}.",
    ),
)
RETIREMENT_OUTSIDE_INTERVAL: Final = Sentence(
    Text("停用日期不在有效期内", "The day is outside the interval in force"),
    Text(
        "{name} 的有效期是{first}到{end}，没有提交。请选择有效期内的日期。",
        "{name} is in force from {first} to {end}. Nothing was submitted. Choose a day within it.",
    ),
)
ALREADY_RETIRED: Final = Sentence(
    Text("这个版本已经停用", "This version is retired already"),
    Text("没有再次停用。请查看它的停用日期。", "It was not retired again. See its last day."),
)
FACTOR_EXISTS: Final = Sentence(
    Text("因子已登记", "The factor is registered already"),
    Text(
        "{name} 已登记，数值不可更改，没有改动。请用新的年份或新的名字登记。",
        ("{name} is registered. Values never change, and nothing was changed. Register another vintage or another id."),
    ),
)
RUN_NOT_FOUND: Final = Sentence(
    Text("没有这次试算", "No such run"),
    Text("试算编号不存在。请在试算列表里查看。", "There is no run with this id. See the list of runs."),
)
TOO_MANY_RUNS: Final = Sentence(
    Text("试算太多", "Too many runs"),
    Text(
        "同时最多 {limit} 次试算，这次没有开始。请等前面的完成。",
        "At most {limit} runs work at once, and this one was not started. Wait until one has finished.",
    ),
)
PERIOD_INVALID: Final = Sentence(
    Text("时段不对", "The period is not valid"),
    Text(
        "须是 {days} 天以内的过去时段，含首日和末日，没有开始试算。请重新选择。",
        (
            "Give a past period of at most {days} days, first and last day included. Nothing was started. "
            "Choose another one."
        ),
    ),
)
HOLD_NOT_CAPTURED: Final = Sentence(
    Text("这笔预扣没有扣除，不能退回", "Only a captured hold can be refunded"),
    Text(
        "它还没有扣除，或已经退回，账目没有改动。请查询它的状态。",
        "It was not captured or is refunded already, and the ledger was not changed. See its status.",
    ),
)
CAPTURE_TARGET_UNKNOWN: Final = Sentence(
    Text("账本没有这个收方", "The ledger does not know this receiver"),
    Text(
        "{code} 还没有登记，没有扣除。请先由两位运营人员登记。",
        "{code} is not registered, and nothing was captured. Two operators have to register it first.",
    ),
)
CAPTURE_TARGET_EXISTS: Final = Sentence(
    Text("这个收方已登记", "This receiver is registered already"),
    Text("没有重复登记。请直接使用它。", "It was not registered again. You can use it."),
)
ENTERPRISE_NOT_FOUND: Final = Sentence(
    Text("没有这个企业", "No such enterprise"),
    Text(
        "企业不存在，或您不是其中的成员。请让贵单位的管理员添加您。",
        "There is no such enterprise, or you are not a member of it. Ask its administrator to add you.",
    ),
)
ENTERPRISE_ROLE_REQUIRED: Final = Sentence(
    Text("您没有这项权限", "Your role does not allow this"),
    Text(
        "您在这个企业的角色不能办理，没有变动。请让管理员办理，或请管理员给您这个角色。",
        "Your roles in this enterprise do not allow it, and nothing was changed. Ask an administrator.",
    ),
)
ENTERPRISE_SUSPENDED: Final = Sentence(
    Text("企业已暂停", "The enterprise is suspended"),
    Text(
        "暂停期间不能办理，没有变动，企业的减碳量还在。请联系客服了解原因。",
        "It cannot act while it is suspended. Nothing was changed and its grams are still there. Ask support why.",
    ),
)
ENTERPRISE_CLOSED: Final = Sentence(
    Text("企业已关闭", "The enterprise is closed"),
    Text(
        "关闭后不能再办理，没有变动。需要继续的，请重新申请企业碳账户。",
        "It cannot act any more, and nothing was changed. To go on, apply for an enterprise account again.",
    ),
)
