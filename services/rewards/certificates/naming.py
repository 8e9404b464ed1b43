"""Names that a certificate may show: a surname and a form of address, 张女士. Pure.

A public page with free text would need somebody who reads it first. A surname of this list and one of four words is
harmless, and tells the least that a certificate needs.
"""

from enum import StrEnum
from typing import Final

_ONE: Final = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方"
    "俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏"
    "成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房"
    "裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程嵇邢裴陆荣翁荀羊甄曲家封芮储靳汲邴糜松井段富巫乌焦巴弓牧山谷车侯宓蓬"
    "全班仰秋仲伊宫宁仇栾甘厉戎祖武符刘景詹束龙叶幸司韶黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭"
    "贡劳逄姬申扶堵冉宰郦雍璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿"
    "满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益"
    "桓公肖闫代付邝佟岳涂官仝苑覃展阳楚商牟佘佴冼植区丘粟蹇麦来买刀原揭撒苟"
)
_TWO: Final = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 "
    "太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 "
    "漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 公户 公玉 公仪 梁丘 公仲 "
    "公上 公门 公山 公坚 左丘 公伯 西门 公祖 第五 公乘 贯丘 公皙 南荣 东里 东宫 仲长 子书 子桑 即墨 达奚 "
    "褚师"
)
SURNAMES: Final = frozenset(_ONE) | frozenset(_TWO.split())


class Address(StrEnum):
    MR = "mr"
    MS = "ms"
    STUDENT = "student"
    TEACHER = "teacher"


_WORDS: Final = {Address.MR: "先生", Address.MS: "女士", Address.STUDENT: "同学", Address.TEACHER: "老师"}


def public_name(surname: str, address: Address) -> str | None:
    """Return the name, None for a surname that is not known.

    >>> public_name("张", Address.MS), public_name("欧阳", Address.MR), public_name("坏人", Address.MR)
    ('张女士', '欧阳先生', None)
    """
    return f"{surname}{_WORDS[address]}" if surname in SURNAMES else None
