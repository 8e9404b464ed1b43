"""An example for each body: the one of its schema, or one put together from those of its fields."""

import re
from typing import Any, Final

_REF: Final = "#/components/schemas/"
_DEPTH_MAX: Final = 24
_FORMATS: Final[dict[str, str]] = {
    "uuid": "019aadf0-6b00-7000-8000-000000000001",
    "date-time": "2026-11-23T09:30:00+08:00",
    "date": "2026-11-23",
    "uri": "https://partner.example.cn/results",
    "binary": "time,user\n",
}
# Fields that mean the same wherever they occur, and have no example of their own.
_BY_NAME: Final[dict[str, Any]] = {
    "account_no": "WH0000000017",
    "action": "partner.update",
    "algorithm": "CP1-ED25519",
    "app_key": "ak-bike",
    "city": "420100",
    "city_code": "420100",
    "decided_by": "operator-2",
    "detail": "已累计。",
    "display": "170 克",
    "event_id": "order-20261123-000001",
    "id": "order-20261123-000001",
    "kind": "person",
    "message": "须为正整数",
    "month": "2026-11",
    "name": "江城单车",
    "next_cursor": None,
    "partner_id": "bike",
    "proposed_by": "operator-1",
    "reason": "已按公布的方法学累计",
    "scene": "bike",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "source": "//bike.example.cn",
    "subject": "operator-1",
    "title": "骑行",
    "unit": "g",
    "url": "https://partner.example.cn/results",
}


class Examples:
    """Makes examples for the schemas of one document."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas

    def of(self, schema: dict[str, Any], name: str = "", depth: int = 0) -> Any:
        if depth > _DEPTH_MAX:
            return None
        if "$ref" in schema:
            return self.of(self._schemas[schema["$ref"].removeprefix(_REF)], name, depth + 1)
        if schema.get("examples"):
            return self.completed(schema["examples"][0], schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if "allOf" in schema:
            return {key: value for part in schema["allOf"] for key, value in self.of(part, name, depth + 1).items()}
        for options in ("anyOf", "oneOf"):
            if options in schema:
                return self._first(schema[options], name, depth)
        return self._plain(schema, name, depth)

    def completed(self, example: Any, schema: dict[str, Any], depth: int = 0) -> Any:
        """Give an example what its schema requires and it lacks: null where that is allowed, else a value."""
        if "$ref" in schema:
            return self.completed(example, self._schemas[schema["$ref"].removeprefix(_REF)], depth + 1)
        options = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
        if example is not None and len(options) == 1:
            return self.completed(example, options[0], depth)
        if isinstance(example, list) and isinstance(schema.get("items"), dict):
            return [self.completed(one, schema["items"], depth + 1) for one in example]
        properties = schema.get("properties")
        if not isinstance(example, dict) or not properties:
            return example
        given = {name: self.completed(value, properties.get(name, {}), depth + 1) for name, value in example.items()}
        return given | {
            name: None if _is_nullable(properties[name]) else self.of(properties[name], name, depth + 1)
            for name in schema.get("required", ())
            if name not in example
        }

    def _first(self, options: list[dict[str, Any]], name: str, depth: int) -> Any:
        if name in _BY_NAME and _BY_NAME[name] is None:
            return None
        given = [one for one in options if one.get("type") != "null"]
        return self.of(given[0], name, depth + 1) if given else None

    def _plain(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                if schema.get("maxItems") == 0:
                    return []
                count = max(1, schema.get("minItems", 1))
                return [self.of(schema.get("items", {}), _singular(name), depth + 1)] * count
            case "integer":
                return _whole(schema, name)
            case "number":
                return schema.get("minimum", 0.5)
            case "boolean":
                return schema.get("default", False)
            case "null":
                return None
            case "string":
                return _text(schema, name)
            case _:
                return {}

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        if not properties and isinstance(schema.get("additionalProperties"), dict):
            key = self.of(schema["propertyNames"], "key", depth + 1) if "propertyNames" in schema else "bike"
            return {key: self.of(schema["additionalProperties"], "", depth + 1)}
        return {key: self.of(value, key, depth + 1) for key, value in properties.items()}


def _singular(name: str) -> str:
    return f"{name.removesuffix('ies')}y" if name.endswith("ies") else name.removesuffix("s")


def _is_nullable(schema: dict[str, Any]) -> bool:
    return any(one.get("type") == "null" for one in schema.get("anyOf", []))


def _whole(schema: dict[str, Any], name: str) -> int:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    found = 170_000 if name.endswith("_mg") else 1
    found = max(found, low)
    return int(min(found, schema.get("maximum", found), schema.get("exclusiveMaximum", found + 1) - 1))


def _text(schema: dict[str, Any], name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[str(schema["format"])]
    found = _BY_NAME.get(name)
    options: list[str] = [found] if isinstance(found, str) else []
    options += [name.replace("_", "-"), name, name.upper(), "2026", "a" * schema.get("minLength", 1), "A0000000"]
    pattern = schema.get("pattern", "")
    for option in options:
        text = option[: schema.get("maxLength", len(option))]
        if text and len(text) >= schema.get("minLength", 0) and re.search(pattern, text):
            return text
    return "-" * int(schema.get("minLength", 1))


def add_examples(document: dict[str, Any]) -> None:
    """Add an example to every body of every operation that has none."""
    schemas = document["components"]["schemas"]
    examples = Examples(schemas)
    for schema in schemas.values():
        if "example" in schema:
            schema["examples"] = [examples.completed(schema.pop("example"), schema)]
    for path in document["paths"].values():
        for operation in path.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for media in (media for body in bodies for media in body.get("content", {}).values()):
                schema = media.get("schema", {})
                known = "example" in media
                media["example"] = examples.completed(media["example"], schema) if known else examples.of(schema)
