"""The templates of messages, as data: what each message says, and of which kind each value is.

A city chooses templates of WeChat's library with these keywords and gives their ids in `MESSAGE_TEMPLATES`. WeChat
numbers the keywords of a template (`thing1`, `time4`); the setting may give other numbers, never another kind.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from services.accounts.settings import MessageTemplate
from shared.language import Text

Form = Literal["grams", "number", "time", "day", "text"]
"""How a value is written: an amount in milligrams, a count, an instant, a day, or a text as it is."""

_KEYWORD: Final = re.compile(r"([a-z_]+[a-z])([0-9]{1,3})")


class MessageKind(StrEnum):
    CREDITED_TODAY = "credited_today"
    ORDER_CONFIRMED = "order_confirmed"
    EXPIRING = "expiring"
    CONSENT_EXPIRING = "consent_expiring"
    ACCOUNT_FROZEN = "account_frozen"
    BINDING_ENDED = "binding_ended"
    EXPORT_READY = "export_ready"
    ERASURE_PLANNED = "erasure_planned"
    LOOKED_UP = "looked_up"
    HOUSEHOLD_STAY_ENDED = "household_stay_ended"
    CERTIFICATE_REVOKED = "certificate_revoked"


@dataclass(frozen=True, slots=True)
class Field:
    """A value. `name` is ours, `keyword` is WeChat's. `fixed` is a text that is the same in every message."""

    name: str
    keyword: str
    form: Form
    fixed: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    title: Text
    page: str
    fields: tuple[Field, ...]


TEMPLATES: Final[Mapping[MessageKind, Template]] = {
    MessageKind.CREDITED_TODAY: Template(
        Text("减碳量到账", "Grams of the day"),
        "pages/records/index",
        (
            Field("amount_mg", "thing1", "grams"),
            Field("acts", "number2", "number"),
            Field("day", "date3", "day"),
        ),
    ),
    MessageKind.ORDER_CONFIRMED: Template(
        Text("兑换成功", "Reward redeemed"),
        "pages/orders/index",
        (
            Field("amount_mg", "thing1", "grams"),
            Field("quantity", "number2", "number"),
            Field("at", "time3", "time"),
        ),
    ),
    MessageKind.EXPIRING: Template(
        Text("即将到期", "About to expire"),
        "pages/records/index",
        (
            Field("what", "thing1", "text"),
            Field("on", "date2", "day"),
            Field("hint", "thing3", "text", fixed="到期后不能再使用，请尽快使用"),
        ),
    ),
    MessageKind.CONSENT_EXPIRING: Template(
        Text("同意即将失效", "A consent is about to end"),
        "pages/consents/index",
        (
            Field("what", "thing1", "text"),
            Field("on", "date2", "day"),
            Field("hint", "thing3", "text", fixed="失效后不再累计，请阅读新版规则"),
        ),
    ),
    MessageKind.ACCOUNT_FROZEN: Template(
        Text("账户冻结", "Account frozen"),
        "pages/account/index",
        (
            Field("state", "phrase1", "text", fixed="已冻结"),
            Field("at", "time2", "time"),
            Field("hint", "thing3", "text", fixed="点开即可提问，客服会答复"),
        ),
    ),
    MessageKind.BINDING_ENDED: Template(
        Text("绑定已解除", "A binding has ended"),
        "pages/bindings/index",
        (
            Field("partner", "thing1", "text"),
            Field("at", "time2", "time"),
            Field("hint", "thing3", "text", fixed="此后的行为不再累计"),
        ),
    ),
    MessageKind.EXPORT_READY: Template(
        Text("个人信息副本已备好", "Your copy is ready"),
        "pages/privacy/index",
        (
            Field("state", "phrase1", "text", fixed="可下载"),
            Field("until", "date2", "day"),
        ),
    ),
    MessageKind.ERASURE_PLANNED: Template(
        Text("账户即将注销", "Your account will be erased"),
        "pages/privacy/index",
        (
            Field("on", "date1", "day"),
            Field("hint", "thing2", "text", fixed="不是您本人操作的，请尽快撤销"),
        ),
    ),
    MessageKind.LOOKED_UP: Template(
        Text("个人信息被查看", "Somebody looked at your data"),
        "pages/privacy/index",
        (
            Field("at", "time1", "time"),
            Field("hint", "thing2", "text", fixed="查看原因请见“谁看过我的信息”"),
        ),
    ),
    MessageKind.HOUSEHOLD_STAY_ENDED: Template(
        Text("家庭成员变动", "Your stay in a household has ended"),
        "pages/household/index",
        (
            Field("state", "phrase1", "text", fixed="已移出"),
            Field("at", "time2", "time"),
            Field("hint", "thing3", "text", fixed="您的减碳量还在，30 天后可加入其他家庭"),
        ),
    ),
    MessageKind.CERTIFICATE_REVOKED: Template(
        Text("捐赠证书已撤销", "A certificate was revoked"),
        "pages/donations/index",
        (
            Field("amount_mg", "thing1", "grams"),
            Field("at", "time2", "time"),
            Field("hint", "thing3", "text", fixed="点开查看撤销原因，有疑问请联系客服"),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class OfferedTemplate:
    """A template with its id in this mini-program and the keywords of that id."""

    kind: MessageKind
    template_id: str
    page: str
    keywords: Mapping[str, str]

    def data(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Return the texts of a message by WeChat's keywords."""
        return {self.keywords[name]: text for name, text in texts.items()}


def kind_of_keyword(keyword: str) -> str:
    """Return the kind of value of a keyword: `thing` of `thing12`. Raises ValueError."""
    found = _KEYWORD.fullmatch(keyword)
    if found is None:
        raise ValueError(f"{keyword!r} is no keyword of a template")
    return found.group(1)


def offered_templates(given: Mapping[str, MessageTemplate]) -> dict[MessageKind, OfferedTemplate]:
    """Return the kinds that citizens can ask for: those with an id. Raises ValueError for a setting that cannot be."""
    return {MessageKind(name): _offered(MessageKind(name), one) for name, one in given.items()}


def _offered(kind: MessageKind, given: MessageTemplate) -> OfferedTemplate:
    template = TEMPLATES[kind]
    fields = {field.name: field for field in template.fields}
    for name, keyword in given.keywords.items():
        if name not in fields or kind_of_keyword(keyword) != kind_of_keyword(fields[name].keyword):
            raise ValueError(f"MESSAGE_TEMPLATES: {kind}.{name} cannot be {keyword}")
        fields[name] = replace(fields[name], keyword=keyword)
    keywords = {name: field.keyword for name, field in fields.items()}
    if len(set(keywords.values())) < len(keywords):
        raise ValueError(f"MESSAGE_TEMPLATES: {kind} uses a keyword twice")
    return OfferedTemplate(kind, given.template_id, given.page or template.page, keywords)
