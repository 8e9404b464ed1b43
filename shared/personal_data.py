"""The register of what is kept about people: one entry for each table and each topic.

Every service lists its tables in `services/<service>/personal_data.py`, and `shared/contracts/personal_data.py` lists
the topics. Tests compare the lists with the catalogue of the database. `make personal-data` writes
docs/personal-data.md. Export and erasure read the same entries: `shared/personal_rows.py`.

A new table needs one entry:

    "family_card": Kept(Text("亲情卡", "family cards"), ACCOUNT, ERASURE, Erasure.DELETE, by=(user("holder_id"),)),
    "weather": nobody(Text("天气", "weather")),
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from shared.language import Text


class Erasure(StrEnum):
    """What erasure does with the rows of a person."""

    NOTHING = "nothing"  # no personal data
    DELETE = "delete"
    CLEAR = "clear"  # the row stays, the named columns lose their content
    PSEUDONYM = "pseudonym"  # the row stays: once accounts has erased the person, its id leads to nobody
    RETAIN = "retain"  # a record that the law or a running check requires; it names an id only
    EXPIRE = "expire"  # gone by itself within its short retention


class Basis(StrEnum):
    """The legal basis in the Personal Information Protection Law 个人信息保护法."""

    CONSENT = "consent"  # 第十三条（一）
    CONTRACT = "contract"  # 第十三条（二）
    DUTY = "duty"  # 第十三条（三）
    NONE = "none"  # no personal data


class Id(StrEnum):
    """What a column holds: the id of the user, of the user's carbon account, or the key of an event."""

    USER = "user"
    ACCOUNT = "account"
    EVENT = "event"  # the key of a reported event, which accounting knows as the id of an activity


@dataclass(frozen=True, slots=True)
class Link:
    """A column by which the rows of a person are found.

    With `through` the column names rows of another table of the schema, which are found by their own entry: the column
    there is `through_column`. `where` narrows the rows to those of a partial index. `form` is the text in which a text
    column holds the id, with `{id}` in its place.
    """

    column: str
    id: Id = Id.USER
    through: str | None = None
    through_column: str | None = None
    form: str | None = None
    where: str | None = None


def user(column: str = "user_id", *, form: str | None = None) -> Link:
    return Link(column, Id.USER, form=form)


def account(column: str = "account_id", *, form: str | None = None, where: str | None = None) -> Link:
    return Link(column, Id.ACCOUNT, form=form, where=where)


def through(table: str, column: str, there: str | None = None, *, where: str | None = None) -> Link:
    return Link(column, through=table, through_column=there or column, where=where)


@dataclass(frozen=True, slots=True)
class Purpose:
    text: Text
    basis: Basis


@dataclass(frozen=True, slots=True)
class Kept:
    """One table.

    `by` finds a person's rows, none if the table holds no personal data. `hidden` columns are left out of an export:
    they are keys, hashes and sealed values that say nothing to the person. `clear` gives the SQL expression that
    replaces each cleared column. `loose` holds personal data that no column finds, with the reason.
    """

    title: Text
    why: Purpose
    until: Text
    erasure: Erasure
    by: tuple[Link, ...] = ()
    hidden: frozenset[str] = frozenset()
    clear: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()  # further columns with an id of a person or account, which find nothing
    loose: Text | None = None
    order: int = 0  # rows of tables with a lower number are erased first (foreign keys)

    @property
    def is_personal(self) -> bool:
        return bool(self.by) or self.loose is not None


@dataclass(frozen=True, slots=True)
class KeptTopic:
    """One topic. `by` names the fields that hold an id or a keyed hash of a person."""

    title: Text
    why: Purpose
    until: Text
    erasure: Text
    by: tuple[str, ...] = ()


_NO_PURPOSE: Final = Purpose(Text("运行系统", "operation of the system"), Basis.NONE)
LOG_IN: Final = Purpose(Text("登录与账户安全", "log-in and security of the account"), Basis.CONTRACT)
ACCOUNT: Final = Purpose(Text("开立和管理碳账户", "opening and keeping the carbon account"), Basis.CONTRACT)
COUNTING: Final = Purpose(Text("核算低碳行为的减碳量", "counting low-carbon acts"), Basis.CONSENT)
LEDGER: Final = Purpose(Text("总账：每一克的来去", "the ledger: where every gram came from and went"), Basis.DUTY)
REDEEMING: Final = Purpose(Text("兑换与捐赠", "redemption and donation"), Basis.CONTRACT)
PROOF: Final = Purpose(Text("证明同意与操作留痕", "proof of consent and of operators' acts"), Basis.DUTY)
PARTNERS: Final = Purpose(Text("接收合作方的上报", "receiving partners' reports"), Basis.CONSENT)
MESSAGING: Final = Purpose(Text("发送本人订阅的消息", "sending the messages that the person asked for"), Basis.CONSENT)
REPRESENTING: Final = Purpose(Text("代表企业行事", "acting for an enterprise"), Basis.CONTRACT)
MANDATE: Final = Purpose(Text("授权平台汇集减碳量", "letting a platform pool reductions"), Basis.CONSENT)
LEAVING: Final = Purpose(Text("执行注销", "carrying out erasure"), Basis.DUTY)

ERASURE: Final = Text("注销时", "until erasure")
FOR_GOOD: Final = Text("长期", "for good")
NEVER_PERSONAL: Final = Text("不含个人信息", "no personal data")


def nobody(title: Text, *, names: frozenset[str] = frozenset()) -> Kept:
    """A table without personal data. `names` are columns that look as if they named a person, and do not."""
    return Kept(title, _NO_PURPOSE, NEVER_PERSONAL, Erasure.NOTHING, names=names)


def plumbing() -> dict[str, Kept]:
    """The entries of the tables that every service has."""
    return {
        "alembic_version": nobody(Text("数据库版本", "version of the schema")),
        "consumer_partition": nobody(Text("消费进度", "progress of consumers")),
        "consumer_worker": nobody(Text("消费进程", "workers of consumers")),
        "dead_letter": Kept(
            Text("无法处理的消息", "dead letters"),
            PARTNERS,
            Text("处理后 180 天", "180 days after it was resolved"),
            Erasure.EXPIRE,
            loose=Text("消息原文可能带有假名编号", "the message as it came; it may hold a pseudonymous id"),
        ),
        "outbox": Kept(
            Text("待发布的消息", "messages to be published"),
            COUNTING,
            Text("发布后即删除，通常一秒内", "deleted once published, usually within a second"),
            Erasure.EXPIRE,
            loose=Text("消息带有假名编号", "messages hold pseudonymous ids"),
        ),
        "idempotency_key": Kept(
            Text("防止重复提交的记录", "keys against repeated requests"),
            REDEEMING,
            Text("7 天", "7 days"),
            Erasure.DELETE,
            by=(user("subject", form="{id}"),),
        ),
    }


def audit_log() -> dict[str, Kept]:
    """The entry of the audit log. Its rows never change."""
    return {
        "audit_log": Kept(
            Text("运营人员操作记录", "what operators did"),
            PROOF,
            FOR_GOOD,
            Erasure.RETAIN,
            by=(account("object", form="{id}"), account("object", form="account:{id}")),
        ),
    }


def approvals() -> dict[str, Kept]:
    """The entry of the proposals of two operators. Its rows are never deleted."""
    return {
        "approval": Kept(
            Text("双人审批", "proposals for a second person"),
            PROOF,
            FOR_GOOD,
            Erasure.RETAIN,
            by=(account("subject", form="{id}"),),
        ),
    }
