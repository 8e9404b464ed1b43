"""Writes the AsyncAPI 3 document of all topics from the contracts: `python -m shared.asyncapi [FILE]`."""

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.consents_v1 import ConsentChanged
from shared.contracts.digests_v1 import DaySealed
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseMemberChanged
from shared.contracts.envelope import ATTRIBUTES
from shared.contracts.erasures_v1 import ErasureAnswered, ErasureAsked, EventsErased
from shared.contracts.event_types import DEAD_LETTER_CONTENT, DEAD_LETTER_TYPE, TYPES
from shared.contracts.freezes_v1 import FreezeChanged
from shared.contracts.households_v1 import CardChanged, MembershipChanged, MeterChanged, RuleChanged
from shared.contracts.mandates_v1 import MandateChanged
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.rejections_v1 import ReceiptRejected
from shared.contracts.rewards_v1 import (
    CertificateRevoked,
    DonationMade,
    OrderCancelled,
    OrderConfirmed,
    VouchersExpiring,
)

_REFERENCE = "#/components/schemas/{name}"

_ACCOUNT_KEY = "碳账户 id，不含姓名 the id of the carbon account, without a name"


@dataclass(frozen=True)
class Topic:
    """One topic: its writer, its readers, its messages and the key of its records."""

    name: str
    title: str
    writer: str
    readers: tuple[str, ...]
    messages: tuple[type[msgspec.Struct], ...]
    key: str


TOPICS = (
    Topic(
        topics.ACTIVITIES,
        "合作方事件，已验签，并换算为带单位的整数 Partners' events, verified, in integers with units",
        "ingest",
        ("accounting", "ingest"),
        (ActivityReported,),
        "partner_id:account_key，同一人在同一合作方的事件保持先后 events of one person at one partner stay in order",
    ),
    Topic(
        topics.REJECTIONS,
        "被拒收的事件，供同一服务的回执查询 Refused events, for the receipts of the same service",
        "ingest",
        ("ingest",),
        (ReceiptRejected,),
        "partner_id",
    ),
    Topic(
        topics.BINDINGS,
        "绑定关系，不含姓名（压缩主题） Bindings of partner accounts to people, without names (compacted)",
        "accounts",
        ("accounting",),
        (BindingChanged,),
        "binding_id；同键以最新一条为准 the newest record of a key is valid",
    ),
    Topic(
        topics.HOUSEHOLDS,
        "家庭成员、电表、用碳规则与亲情卡，不含姓名（压缩主题） "
        "Household members, meters, spending rules and family cards, without names (compacted)",
        "accounts",
        ("accounting", "rewards"),
        (MembershipChanged, MeterChanged, RuleChanged, CardChanged),
        "membership_id、registration_id、household_id 或 or card_id；"
        "同键以最新一条为准 the newest record of a key is valid",
    ),
    Topic(
        topics.ENTERPRISES,
        "企业碳账户、成员与角色，不含个人姓名（压缩主题） "
        "Enterprises, their members and roles, without names of people (compacted)",
        "accounts",
        ("accounting", "rewards"),
        (EnterpriseChanged, EnterpriseMemberChanged),
        "enterprise_id 或 or membership_id；同键以最新一条为准 the newest record of a key is valid",
    ),
    Topic(
        topics.MANDATES,
        "平台归集的委托，不含姓名（压缩主题） Mandates for pooling, without names (compacted)",
        "accounts",
        ("accounting",),
        (MandateChanged,),
        "mandate_id；同键以最新一条为准 the newest record of a key is valid",
    ),
    Topic(
        topics.CONSENTS,
        "每人对每一事项的同意，不含姓名（压缩主题） Consents of people by purpose, without names (compacted)",
        "accounts",
        ("accounting", "rewards"),
        (ConsentChanged,),
        "account_id:purpose；同键以最新一条为准 the newest record of a key is valid",
    ),
    Topic(
        topics.OUTCOMES,
        "每条事件的核算结果 Accounting's verdict on every event",
        "accounting",
        ("ingest", "rewards"),
        (ActivityJudged,),
        "与对应事件相同 the key of the event",
    ),
    Topic(
        topics.DIGESTS,
        "每日封存的摘要，已签名 Signed statements of sealed days",
        "accounting",
        (),
        (DaySealed,),
        "链的名称；同一条链的各日保持先后 the chain; its days stay in order",
    ),
    Topic(
        topics.INGEST_DIGESTS,
        "合作方、密钥与运营记录每日封存的摘要 Signed statements of sealed days of partners and operators' records",
        "ingest",
        (),
        (DaySealed,),
        "链的名称；各日保持先后 the chain; its days stay in order",
    ),
    Topic(
        topics.FREEZES,
        "个人碳账户的冻结与解冻 Freezes of people's accounts, and their ends",
        "accounting",
        ("accounts",),
        (FreezeChanged,),
        _ACCOUNT_KEY,
    ),
    Topic(
        topics.REWARDS,
        "减碳量的兑换与捐赠 Grams spent on rewards and donations",
        "rewards",
        ("accounts", "rewards"),
        (OrderConfirmed, OrderCancelled, DonationMade, VouchersExpiring, CertificateRevoked),
        "碳账户 id，不含姓名 the id of the carbon account, without a name",
    ),
    Topic(
        topics.ERASURES,
        "注销：请其他服务删除此人 Erasure: asks the other services to erase a person",
        "accounts",
        ("accounting", "rewards"),
        (ErasureAsked,),
        _ACCOUNT_KEY,
    ),
    Topic(
        topics.ACCOUNTING_ERASURES,
        "核算已删除此人，以及其事件的编号 Accounting has erased a person, and the keys of the person's events",
        "accounting",
        ("accounts", "ingest"),
        (EventsErased, ErasureAnswered),
        _ACCOUNT_KEY,
    ),
    Topic(
        topics.INGEST_ERASURES,
        "接入已清除此人的存档 Ingest has cleared the archive of a person",
        "ingest",
        ("accounts",),
        (ErasureAnswered,),
        _ACCOUNT_KEY,
    ),
    Topic(
        topics.REWARDS_ERASURES,
        "激励已删除此人 Rewards has erased a person",
        "rewards",
        ("accounts",),
        (ErasureAnswered,),
        _ACCOUNT_KEY,
    ),
)


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the document as plain data."""
    kinds = [message for topic in TOPICS for message in topic.messages]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic in TOPICS:
        channels[topic.name] = _channel(topic)
        operations[f"{topic.writer}.publishes.{topic.name}"] = _operation(topic, "send", topic.writer)
        for reader in topic.readers:
            operations[f"{reader}.consumes.{topic.name}"] = _operation(topic, "receive", reader)
        dead = f"{topic.name}{topics.DEADLETTER_SUFFIX}"
        channels[dead] = _dead_letters(topic, dead)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "碳普惠开放平台主题 Carbon inclusion topics",
            "version": "1.0.0",
            "description": (
                "服务之间传递的事实。只增不改，不兼容的改动发布新版本。至少投递一次，消费方按记录中的 id 去重。\n\n"
                "Facts that services publish for each other. Changes are additive; a breaking change is a new version."
                " Delivery is at least once; readers recognise repeats by the ids in a record."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {**{kind.__name__: _message(kind) for kind in kinds}, "DeadLetter": _dead_letter()},
            "schemas": {**schemas, "CloudEventHeaders": _cloud_event_headers()},
        },
    }


def _message(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": kind.__name__,
        "contentType": "application/json",
        "headers": _headers(_type_of(kind)),
        "payload": {"$ref": _REFERENCE.format(name=kind.__name__)},
    }


def _type_of(kind: type[msgspec.Struct]) -> str:
    """The CloudEvents type of a message: types and messages of a topic are listed in one order."""
    for topic in TOPICS:
        if kind in topic.messages:
            return TYPES[topic.name][topic.messages.index(kind)]
    raise LookupError(kind)


def _headers(event_type: str) -> dict[str, Any]:
    own = {"properties": {"ce_type": {"const": event_type}}}
    return {"allOf": [{"$ref": _REFERENCE.format(name="CloudEventHeaders")}, own]}


def _cloud_event_headers() -> dict[str, Any]:
    names = (*ATTRIBUTES, "content-type")
    properties: dict[str, Any] = {name: {"type": "string", "minLength": 1} for name in names}
    properties["ce_specversion"] = {"const": "1.0"}
    properties["ce_time"]["format"] = "date-time"
    return {
        "type": "object",
        "description": "CloudEvents 1.0，Kafka 二进制绑定，每条记录都有 binary binding, on every record",
        "required": list(names),
        "properties": properties,
    }


def _channel(topic: Topic) -> dict[str, Any]:
    kafka: dict[str, Any] = {"partitions": topics.PARTITIONS[topic.name]}
    if topic.name in topics.COMPACTED:
        kafka["topicConfiguration"] = {"cleanup.policy": ["compact"]}
    return {
        "address": topic.name,
        "title": topic.title,
        "description": f"键 key: {topic.key}",
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in topic.messages},
        "bindings": {"kafka": kafka},
    }


def _dead_letters(topic: Topic, name: str) -> dict[str, Any]:
    return {
        "address": name,
        "title": f"消费方无法处理的 {topic.name} 记录 Records of this topic that a consumer could not process",
        "description": "键与内容不变，原因见头 deadletter_reason Key and value unchanged, reason in that header.",
        "messages": {"DeadLetter": {"$ref": "#/components/messages/DeadLetter"}},
        "bindings": {"kafka": {"partitions": topics.DEADLETTER_PARTITIONS}},
    }


def _dead_letter() -> dict[str, Any]:
    return {
        "name": "DeadLetter",
        "contentType": DEAD_LETTER_CONTENT,
        "headers": {
            "allOf": [
                _headers(DEAD_LETTER_TYPE),
                {"required": ["deadletter_reason"], "properties": {"deadletter_reason": {"type": "string"}}},
            ]
        },
        "payload": {"type": "string", "format": "binary"},
    }


def _operation(topic: Topic, action: str, service: str) -> dict[str, Any]:
    channel = topic.name.replace("/", "~1")
    return {
        "action": action,
        "summary": f"{service} {'写入 writes' if action == 'send' else '读取 reads'} {topic.name}",
        "tags": [{"name": service}],
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{kind.__name__}"} for kind in topic.messages],
    }


def as_yaml() -> str:
    return yaml.safe_dump(document(), allow_unicode=True, sort_keys=False, width=120)


def main(arguments: list[str]) -> int:
    """Write the document to the file, or to standard output."""
    if len(arguments) > 1:
        print("用法 usage: python -m shared.asyncapi [FILE]", file=sys.stderr)
        return 2
    if arguments:
        Path(arguments[0]).write_text(as_yaml(), encoding="utf-8")
    else:
        print(as_yaml(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
