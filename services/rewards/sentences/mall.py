"""Refusals that operators of the mall read, and those of pictures. Each says what happened and what to do."""

from typing import Final

from shared.language import Sentence, Text

ITEM_EXISTS: Final = Sentence(
    Text("已有这个编号的商品", "An item has this id"),
    Text("没有另建。请换一个编号，或修改已有的草稿。", "Nothing was made. Choose another id, or change the draft."),
)
ITEM_NOT_A_DRAFT: Final = Sentence(
    Text("已上架的商品不能直接修改", "A published item is not changed directly"),
    Text(
        "没有改动。已上架的商品请提议修改，由另一人批准。",
        "Nothing was changed. Propose a change of a published item; a second person approves it.",
    ),
)
ITEM_NOT_PUBLISHED: Final = Sentence(
    Text("这件商品没有上架", "The item is not published"),
    Text("没有改动。草稿可以直接修改。", "Nothing was changed. A draft can be changed directly."),
)
ITEM_PUBLISHED: Final = Sentence(
    Text("这件商品已经上架", "The item is published already"),
    Text("没有重复上架。", "It was not published a second time."),
)
ITEM_CHANGED: Final = Sentence(
    Text("商品在提议之后改过", "The item was changed after the proposal"),
    Text(
        "没有生效。请核对现在的内容，重新提议。",
        "Nothing was done. Check the present content and propose again.",
    ),
)
NOTHING_CHANGED: Final = Sentence(
    Text("没有要改的内容", "There is nothing to change"),
    Text("提议的内容与现在相同。", "The proposed content is the present one."),
)
CATEGORY_NOT_FOUND: Final = Sentence(
    Text("没有这个类别", "No such category"),
    Text("没有改动。请先建好类别。", "Nothing was changed. Make the category first."),
)
BUDGET_NOT_FOUND: Final = Sentence(
    Text("没有这个预算", "No such budget"),
    Text(
        "没有改动。请先开立预算，由另一人批准。",
        "Nothing was changed. Open the budget first, with a second person.",
    ),
)
BUDGET_EXISTS: Final = Sentence(
    Text("已有这个编号的预算", "A budget has this id"),
    Text(
        "没有另开。请换一个编号，或提议增加额度。", "None was opened. Choose another id, or propose to raise the limit."
    ),
)
BUDGET_CLOSED: Final = Sentence(
    Text("这个预算已经关闭", "The budget is closed"),
    Text("没有改动。请换一个预算，或另开一个。", "Nothing was changed. Use another budget, or open a new one."),
)
BUDGET_LIMIT_TOO_LOW: Final = Sentence(
    Text("新的额度没有高于现在的额度", "The new limit is not above the present one"),
    Text("额度只能增加；不再使用请关闭预算。", "A limit can only be raised. Close a budget that is no longer used."),
)
TOO_MANY_BUDGETS: Final = Sentence(
    Text("预算太多", "Too many budgets"),
    Text("最多 {most} 个，没有另开。", "There are at most {most}. None was opened."),
)
TOO_MANY_CATEGORIES: Final = Sentence(
    Text("类别太多", "Too many categories"),
    Text(
        "最多 {most} 个，没有另建。可以修改或隐藏已有的。", "There are at most {most}. Change or hide an existing one."
    ),
)
TOO_MANY_ITEMS: Final = Sentence(
    Text("商品太多", "Too many items"),
    Text("最多 {most} 件，没有另建。", "There are at most {most}. None was made."),
)
STOCK_TOO_LOW: Final = Sentence(
    Text("库存不够减", "The stock is too low"),
    Text(
        "能减的只有未兑出的自有券码，没有改动。请减少数量，或稍后再试。",
        "Only free codes of our own can be removed, and nothing was. Choose fewer, or try again later.",
    ),
)
CODES_OF_PARTNER: Final = Sentence(
    Text("这件商品用合作方的券码", "The item has codes of a partner"),
    Text("没有加库存。请导入合作方的券码。", "No stock was added. Import the partner's codes."),
)
PICTURE_NOT_FOUND: Final = Sentence(
    Text("没有这张图片", "No such picture"),
    Text(
        "图片不存在。请先上传，再填写返回的编号。",
        "The picture does not exist. Upload it and use the hash of the answer.",
    ),
)
PICTURE_TYPE_INVALID: Final = Sentence(
    Text("不是可用的图片", "Not a picture that can be used"),
    Text(
        "图片的格式不支持，或与所标的不符，没有保存。请转换成常见的图片格式，再上传一次。",
        "This format is not taken, or is not the declared one. Nothing was stored. Convert it and try again.",
    ),
)
PICTURE_HASH_MISMATCH: Final = Sentence(
    Text("图片与校验值不符", "The picture does not have this hash"),
    Text(
        "传输中可能出错，没有保存。请重新上传。",
        "It may have been damaged on the way. Nothing was stored. Upload it again.",
    ),
)
TOO_MANY_PICTURES: Final = Sentence(
    Text("图片太多", "Too many pictures"),
    Text("最多存 {most} 张，没有保存。", "At most {most} are kept. Nothing was stored."),
)
ORDER_NOT_REFUNDABLE: Final = Sentence(
    Text("这个订单不能退", "The order cannot be refunded"),
    Text(
        "只有已完成的订单可以退；没有改动。请查看订单状态。",
        "Only a confirmed order can be refunded. Nothing was changed. See the state of the order.",
    ),
)
REFUNDED: Final = Sentence(
    Text("已经退回", "Refunded"),
    Text(
        "这一单由工作人员退回，减碳量已回到您的账户。想要的话，可以重新兑换。",
        "Our staff have refunded this order. The grams are back in your account. You can redeem again at any time.",
    ),
)
