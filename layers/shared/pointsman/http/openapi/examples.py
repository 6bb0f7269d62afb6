"""Examples for the OpenAPI documents: values that fit a JSON Schema, composed of its parts' own examples."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from .example_values import (
    PARAMETERS_BY_OPERATION,
    REQUESTS_BY_OPERATION,
    RESPONSES_BY_OPERATION,
    VALUES_BY_FORMAT,
    VALUES_BY_NAME,
    VALUES_BY_SCHEMA,
)
from .schema import SCHEMA_REF_PREFIX, Document

__all__ = ["NO_EXAMPLE", "add_examples", "add_schema_examples", "make_example"]

NO_EXAMPLE: Final = object()
"""There is none: the schema has a rule that nothing here is known to keep."""

_TEXTS = ("text", "a", "A", "Text", "TEXT", "1", "12", "1234", "a1", "text-1", "a.b", "text/plain", "#a1b2c3",
          *VALUES_BY_FORMAT.values())  # fmt: skip
"""What a string is tried to be, in this order."""

_CLASSES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}

_UNKNOWN_RULES = ("not", "if", "contains", "dependentRequired", "dependentSchemas", "unevaluatedProperties")


def make_example(schema: Any, schemas: Mapping[str, Document], name: str = "") -> Any:
    """Make a value that fits a schema, or return NO_EXAMPLE.

    The schema's own `examples` come first, then its only value, then what is typical for the name, and its default.

    Args:
        schema: a JSON Schema.
        schemas: the document's components, for references.
        name: of the parameter or property.
    """
    return _Maker(schemas).make(schema, name)


def add_schema_examples(schemas: Mapping[str, Document]) -> None:
    """Give those of our schemas examples, in place, whose composed ones would not be typical."""
    for name, value in VALUES_BY_SCHEMA.items():
        if name in schemas:
            schemas[name]["examples"] = [value]


def add_examples(operation: Document, schemas: Mapping[str, Document]) -> None:
    """Give an operation's parameters, bodies and headers examples, in place, where they have none and one is found."""
    operation_id: str = operation["operationId"]
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        _add_example(parameter, schemas, name, PARAMETERS_BY_OPERATION.get(operation_id, {}).get(name))
    for media in operation.get("requestBody", {}).get("content", {}).values():
        _add_example(media, schemas, stated=REQUESTS_BY_OPERATION.get(operation_id))
    for status, response in operation["responses"].items():
        for media in response.get("content", {}).values():
            _add_example(media, schemas, stated=RESPONSES_BY_OPERATION.get(operation_id) if status == "200" else None)
        for name, header in response.get("headers", {}).items():
            _add_example(header, schemas, name)


def _add_example(holder: Document, schemas: Mapping[str, Document], name: str = "", stated: object = None) -> None:
    if "example" in holder or "examples" in holder:
        return
    example = make_example(holder["schema"], schemas, name) if stated is None else stated
    if example is not NO_EXAMPLE:
        holder["example"] = example


class _Maker:
    def __init__(self, schemas: Mapping[str, Document]) -> None:
        self._schemas = schemas
        self._open_references: list[str] = []

    def make(self, schema: Any, name: str) -> Any:
        if not isinstance(schema, dict):
            return {} if schema else NO_EXAMPLE
        content = cast("Document", schema)
        for candidate in _list_stated(content):
            return candidate
        if "$ref" in content:
            return self._make_referenced(content["$ref"], name)
        if any(rule in content for rule in _UNKNOWN_RULES):
            return NO_EXAMPLE
        if name in VALUES_BY_NAME and self._fits(VALUES_BY_NAME[name], content):
            return VALUES_BY_NAME[name]
        if content.get("default") is not None:
            return content["default"]
        if "allOf" in content:
            return self._make_all(content, name)
        for part in (*content.get("anyOf", ()), *content.get("oneOf", ())):
            if part != {"type": "null"} and (value := self.make(part, name)) is not NO_EXAMPLE:
                return value
        if "anyOf" in content or "oneOf" in content:
            return NO_EXAMPLE
        return self._make_of_type(content, name)

    def _make_referenced(self, reference: str, name: str) -> Any:
        if reference in self._open_references:
            return NO_EXAMPLE
        self._open_references.append(reference)
        value = self.make(self._schemas[reference.removeprefix(SCHEMA_REF_PREFIX)], name)
        self._open_references.pop()
        return value

    def _make_all(self, schema: Document, name: str) -> Any:
        parts = [self.make(part, name) for part in schema["allOf"]]
        if len(parts) == 1:
            return parts[0]
        if not all(isinstance(part, dict) for part in parts):
            return NO_EXAMPLE
        return {key: value for part in parts for key, value in part.items()}

    def _make_of_type(self, schema: Document, name: str) -> Any:
        types = _list_types(schema) or (["object"] if "properties" in schema else [])
        match next((kind for kind in types if kind != "null"), *types[:1] or (None,)):
            case "object":
                return self._make_object(schema)
            case "array":
                return self._make_array(schema, name)
            case "string":
                return self._make_string(schema, name)
            case "integer" | "number":
                return next((number for number in _list_numbers(schema) if _fits_scalar(number, schema)), NO_EXAMPLE)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return {}

    def _make_object(self, schema: Document) -> Any:
        required = schema.get("required", ())
        result: dict[str, Any] = {}
        for key, part in schema.get("properties", {}).items():
            value = self.make(part, key)
            if value is not NO_EXAMPLE:
                result[key] = value
            elif key in required:
                return NO_EXAMPLE
        if not schema.get("properties"):
            result = self._make_entry(schema)
        fits = schema.get("minProperties", 0) <= len(result) <= schema.get("maxProperties", len(result))
        return result if fits and all(key in result for key in required) else NO_EXAMPLE

    def _make_entry(self, schema: Document) -> dict[str, Any]:
        """Make an object of one entry, where its keys are free and its values have a schema; else an empty one."""
        patterns = schema.get("patternProperties")
        if patterns:
            pattern, value_schema = next(iter(patterns.items()))
            key_schema: Document = {"pattern": pattern}
        else:
            key_schema, value_schema = schema.get("propertyNames", {}), schema.get("additionalProperties")
        if not isinstance(value_schema, dict):
            return {}
        key = self.make({"type": "string", **key_schema}, "")
        value = self.make(value_schema, "")
        return {} if key is NO_EXAMPLE or value is NO_EXAMPLE else {str(key): value}

    def _make_array(self, schema: Document, name: str) -> Any:
        items = [self.make(part, name) for part in schema.get("prefixItems", ())]
        missing = max(schema.get("minItems", 0) - len(items), 0 if items else 1)
        item = self.make(schema.get("items", True), name)
        if item is not NO_EXAMPLE and schema.get("maxItems", missing) > 0:
            items += [item] * (missing if schema.get("items", True) else 0)
        elif missing and schema.get("minItems", 0) > 0:
            return NO_EXAMPLE
        repeated = bool(schema.get("uniqueItems")) and len(items) > 1
        return NO_EXAMPLE if repeated or any(part is NO_EXAMPLE for part in items) else items

    def _make_string(self, schema: Document, name: str) -> Any:
        if "contentSchema" in schema:
            value = self.make(schema["contentSchema"], name)
            return NO_EXAMPLE if value is NO_EXAMPLE else json.dumps(value)
        if "format" in schema:
            candidates = (VALUES_BY_FORMAT.get(schema["format"], "text"),)
        else:
            length = schema.get("minLength", 0)
            candidates = (*_TEXTS, "text".ljust(length, "t"), "1" * length)
        return next((text for text in candidates if _fits_scalar(text, schema)), NO_EXAMPLE)

    def _fits(self, value: Any, schema: Document) -> bool:
        """Whether a typical value fits; False where only a whole validator could say so."""
        if "$ref" in schema:
            return self._fits(value, self._schemas[schema["$ref"].removeprefix(SCHEMA_REF_PREFIX)])
        if parts := (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            return any(self._fits(value, part) for part in parts)
        if isinstance(value, list):
            items = cast("list[object]", value)
            return schema.get("type") == "array" and all(self._fits(item, schema.get("items", {})) for item in items)
        if isinstance(value, dict):
            return self._fits_object(cast("dict[str, object]", value), schema)
        return _fits_scalar(value, schema)

    def _fits_object(self, value: dict[str, object], schema: Document) -> bool:
        properties: Document = schema.get("properties", {})
        other: Any = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
        keys = {"type": "string", **schema.get("propertyNames", {})}
        return (
            schema.get("type") == "object"
            and all(key in value for key in schema.get("required", ()))
            and all(_fits_scalar(key, keys) for key in value)
            and all(isinstance(properties.get(key, other), dict) for key in value)
            and all(self._fits(item, properties.get(key, other)) for key, item in value.items())
        )


def _list_stated(schema: Document) -> list[Any]:
    if schema.get("examples"):
        return [schema["examples"][0]]
    for keyword in ("example", "const"):
        if keyword in schema:
            return [schema[keyword]]
    return schema["enum"][:1] if "enum" in schema else []


def _list_numbers(schema: Document) -> list[float]:
    bounds = [schema[key] for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum") if key in schema]
    step = schema.get("multipleOf", 1)
    multiples = [bound // step * step + shift for bound in bounds for shift in (0, step, -step)]
    return [1, 0, step, *multiples, *bounds, *(bound + shift for bound in bounds for shift in (0.5, -0.5)), 0.5]


def _fits_scalar(value: Any, schema: Document) -> bool:
    if not any(isinstance(value, _CLASSES.get(kind, ())) for kind in _list_types(schema)):
        return False
    if value not in schema.get("enum", (value,)):
        return False
    if isinstance(value, str):
        length, form = len(value), schema.get("format")
        return (
            schema.get("minLength", 0) <= length <= schema.get("maxLength", length)
            and (form is None or VALUES_BY_FORMAT.get(form, value) == value)
            and _matches(schema.get("pattern", ""), value)
            and "contentSchema" not in schema
        )
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and schema.get("exclusiveMinimum", value - 1) < value < schema.get("exclusiveMaximum", value + 1)
        and ("multipleOf" not in schema or value % schema["multipleOf"] == 0)
    )


def _list_types(schema: Document) -> list[str]:
    types: str | list[str] = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        # Of another dialect.
        return False
