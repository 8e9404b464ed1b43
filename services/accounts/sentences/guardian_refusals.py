"""Refusals that concern people under 14 and their guardians."""

from typing import Final

from shared.language import Sentence, Text

GUARDIAN_REQUIRED: Final = Sentence(
    Text("请监护人来办理", "A guardian has to do this"),
    Text(
        "未满 14 周岁，要由监护人同意，还没有办理。请在“监护人”里出示二维码，让家里的大人扫一扫。",
        "You are under 14, so a guardian has to agree. Nothing was done. Show the guardian's code to an adult.",
    ),
)
GUARDIAN_CODE_INVALID: Final = Sentence(
    Text("监护码不能用", "The guardian's code is not valid"),
    Text(
        "监护码有误、已过期（15 分钟）或已用过，还没有办理。请让孩子重新出示。",
        "The code is wrong, older than 15 minutes or used before. Nothing was done. Ask the child for a new one.",
    ),
)
GUARDIAN_UNSUITABLE: Final = Sentence(
    Text("您不能做这位用户的监护人", "You cannot be this person's guardian"),
    Text(
        "监护人须是另一位成年人，还没有办理。请由孩子的父母或其他监护人扫码。",
        "A guardian is another person and an adult. Nothing was done. A parent or guardian has to scan the code.",
    ),
)
GUARDIAN_ALREADY: Final = Sentence(
    Text("已有监护人", "There is a guardian already"),
    Text(
        "这位用户已有监护人，这次没有改动。要更换，请原来的监护人先解除。",
        "This person has a guardian, and nothing was changed. To change, the present guardian ends it first.",
    ),
)
AGE_NOT_DECLARED: Final = Sentence(
    Text("没有可更正的年龄声明", "No age to correct"),
    Text(
        "这个编号不存在，或没有声明未满 14 周岁，或已满 14 周岁。没有改动，请与本人核对编号。",
        "The id is unknown, or nobody under 14 has it. Nothing was changed. Check the id with the person.",
    ),
)
GUARDIAN_NOT_NEEDED: Final = Sentence(
    Text("不需要监护人", "No guardian is needed"),
    Text(
        "您没有申报未满 14 周岁，或已满 14 周岁。可以自己办理。",
        "You did not say that you are under 14, or you are older by now. You can decide for yourself.",
    ),
)
WARD_NOT_FOUND: Final = Sentence(
    Text("没有这位被监护人", "No such child"),
    Text(
        "这位用户不在您的监护名单里，或已满 14 周岁。请在“被监护人”里查看。",
        "This person is not in your list, or is 14 by now. See the list of the people you are the guardian of.",
    ),
)
WARD_LIMIT_REACHED: Final = Sentence(
    Text("被监护人太多", "You are the guardian of too many"),
    Text(
        "一位监护人最多可监护 {limit} 人，这次没有办理。请由另一位监护人办理。",
        "A guardian can have at most {limit} children here. Nothing was done. Ask another guardian.",
    ),
)
