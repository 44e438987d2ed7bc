"""Says in words what each setting accepts, and its default, from the schema of all settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tasks.config.schema import RetrainConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "a text",
    "object": "a table",
    "path": "a path",
    "null": "nothing (leave it out)",
}
BOUNDS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
}


def accepted_values() -> dict[str, tuple[str, str]]:
    """Return for each setting, by its dotted name, what it accepts and its default, in words."""
    schema = RetrainConfig.model_json_schema()
    return {
        name: (_accepts(field), json.dumps(field.get("default"), ensure_ascii=False))
        for name, field in _fields(schema, schema.get("$defs", {}))
    }


def _fields(
    schema: Mapping[str, Any], parts: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, field in schema["properties"].items():
        part = parts.get(str(field.get("$ref", "")).rpartition("/")[2])
        if part is None:
            yield f"{prefix}{name}", field
        else:
            yield from _fields(part, parts, f"{prefix}{name}.")


def _accepts(field: Mapping[str, Any]) -> str:
    """Return what a value must be."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(map(_accepts, field["anyOf"])))
    if "enum" in field or "const" in field:
        return " or ".join(map(str, field.get("enum", [field.get("const")])))
    kind = "path" if field.get("format") == "path" else field.get("type", "")
    if kind == "array":
        several = "prefixItems" in field
        return (
            f"[{', '.join(map(_accepts, field['prefixItems']))}]"
            if several
            else f"a list of ({_accepts(field['items'])})"
        )
    values = field.get("additionalProperties")
    if isinstance(values, dict):
        return f"a table of ({_accepts(values)})"
    bounds = [f"{words} {field[bound]}" for bound, words in BOUNDS.items() if bound in field]
    return " ".join([KINDS.get(kind, "any value"), *bounds])
