"""Secret fields of a tool's input: their values are masked wherever the input is kept or shown, except in the call.

A path is written like `variables.*`: names of members joined by dots, `*` for every member of an object or a list.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

__all__ = ["MASK", "conceal", "find_secret_texts", "is_path", "mark_in_schema", "mask_all", "mask_fields"]

MASK = "***"
"""What stands in the place of a secret value."""

_MIN_CONCEALED_CHARS = 4
"""Shorter values are not searched for: they stand everywhere by chance."""

_PATH_PATTERN = re.compile(r"[^.*]+(\.(\*|[^.*]+))*")


def is_path(path: str) -> bool:
    """Return whether the text is a path that begins with a member's name."""
    return _PATH_PATTERN.fullmatch(path) is not None


def mask_fields(value: object, paths: Iterable[str]) -> object:
    """Return a copy of parsed JSON in which the values at these paths are masked.

    Where the value has not the shape of a path, everything from there on is masked.
    """
    for path in paths:
        value = _mask(value, path.split("."))
    return value


def mask_all(value: object) -> object:
    """Return a copy of parsed JSON in which every text and number is masked; the names of members stay."""
    if isinstance(value, dict):
        return {name: mask_all(member) for name, member in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [mask_all(member) for member in cast("list[object]", value)]
    return value if value is None or isinstance(value, bool) else MASK


def _mask(value: object, steps: Sequence[str]) -> object:
    if not steps or (value is not None and not isinstance(value, dict | list)):
        return None if value is None else MASK
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {
            name: _mask(member, steps[1:]) if steps[0] in ("*", name) else member for name, member in members.items()
        }
    if isinstance(value, list):
        if steps[0] != "*":
            return MASK
        return [_mask(member, steps[1:]) for member in cast("list[object]", value)]
    return value


def find_secret_texts(value: object, paths: Sequence[str]) -> list[str]:
    """Return the texts of at least 4 characters that are masked in parsed JSON, and stand nowhere else in it."""
    if not paths:
        return []
    masked = mask_fields(value, paths)
    visible = json.dumps(masked, ensure_ascii=False)
    return [
        text
        for text in dict.fromkeys(_list_differing_texts(value, masked))
        if len(text) >= _MIN_CONCEALED_CHARS and json.dumps(text, ensure_ascii=False)[1:-1] not in visible
    ]


def _list_differing_texts(value: object, masked: object) -> Iterable[str]:
    if isinstance(value, dict):
        others = cast("dict[str, object]", masked) if isinstance(masked, dict) else {}
        for name, member in cast("dict[str, object]", value).items():
            yield from _list_differing_texts(member, others.get(name, MASK))
    elif isinstance(value, list):
        other_items = cast("list[object]", masked) if isinstance(masked, list) else []
        for index, member in enumerate(cast("list[object]", value)):
            yield from _list_differing_texts(member, other_items[index] if index < len(other_items) else MASK)
    elif masked == MASK and value is not None:
        yield value if isinstance(value, str) else json.dumps(value)


def conceal(value: Any, texts: Sequence[str]) -> Any:
    """Return a copy of parsed JSON in which these texts are masked, also as parts of others."""
    if isinstance(value, str):
        for text in sorted(texts, key=len, reverse=True):
            value = value.replace(text, MASK)
        return value
    if isinstance(value, Mapping):
        return {name: conceal(member, texts) for name, member in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [conceal(member, texts) for member in cast("list[object]", value)]
    return value


def mark_in_schema(schema: dict[str, Any], definitions: Mapping[str, dict[str, Any]], path: str) -> bool:
    """Set `writeOnly` in the schemas of the values at the path; return whether there is one.

    Args:
        schema: the JSON Schema of the input.
        definitions: what its references lead to, by reference.
        path: a path.
    """
    return _mark(schema, definitions, path.split("."), frozenset())


def _mark(
    schema: dict[str, Any], definitions: Mapping[str, dict[str, Any]], steps: Sequence[str], seen: frozenset[str]
) -> bool:
    reference = str(schema.get("$ref", ""))
    if steps and reference in definitions and reference not in seen:
        return _mark(definitions[reference], definitions, steps, seen | {reference})
    if not steps:
        schema["writeOnly"] = True
        return True
    found = [
        _mark(choice, definitions, steps, seen)
        for keyword in ("anyOf", "oneOf", "allOf")
        for choice in schema.get(keyword, ())
    ]
    return any([*found, *[_mark(child, definitions, steps[1:], seen) for child in _find_children(schema, steps[0])]])


def _find_children(schema: Mapping[str, Any], step: str) -> Iterable[dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    if step != "*":
        return [properties[step]] if step in properties else []
    elements = [schema.get(keyword) for keyword in ("additionalProperties", "items")]
    patterns: dict[str, dict[str, Any]] = schema.get("patternProperties", {})
    children = [*properties.values(), *patterns.values(), *schema.get("prefixItems", ()), *elements]
    return [cast("dict[str, Any]", child) for child in children if isinstance(child, dict)]
