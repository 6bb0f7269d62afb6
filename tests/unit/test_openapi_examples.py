"""Examples of schemas: the author's own first, then composed ones that fit, else none."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pointsman.http.openapi.components import SchemaComponents
from pointsman.http.openapi.examples import NO_EXAMPLE, make_example
from pointsman.http.openapi.names import UniqueNames, camel_case, pascal_case


@pytest.mark.parametrize("schema", [
    {"type": "string", "minLength": 30},
    {"type": "string", "maxLength": 1, "pattern": "^[A-Z]$"},
    {"type": "string", "pattern": r"^\d{4}$"},
    {"type": "string", "format": "date-time"},
    {"type": "integer", "exclusiveMinimum": 10, "multipleOf": 7},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "integer", "maximum": -5},
    {"type": ["null", "string"]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 4},
    {"type": "array", "maxItems": 0},
    {"type": "array", "prefixItems": [{"const": "a"}, {"type": "null"}], "items": False},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    {"type": "object", "patternProperties": {"^a$": {"enum": [2]}}, "additionalProperties": False, "minProperties": 1},
    {"type": "object", "additionalProperties": False},
    {"oneOf": [{"type": "null"}, {"type": "boolean"}]},
    {"allOf": [{"type": "object", "properties": {"a": {"const": 1}}}, {"properties": {"b": {}}}]},
    {},
    True,
])  # fmt: skip
def test_an_example_fits_its_schema(schema: Any) -> None:
    example = make_example(schema, {})
    assert example is not NO_EXAMPLE
    Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("schema", [
    False,
    {"type": "string", "pattern": "^only this$"},
    {"type": "string", "pattern": r"^\p{Lu}+$"},
    {"type": "object", "not": {"required": ["a"]}},
    {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 2},
    {"type": "object", "properties": {"a": {"type": "string", "pattern": "^only this$"}}, "required": ["a"]},
    {"type": "object", "minProperties": 2},
    {"$ref": "#/components/schemas/Endless"},
])  # fmt: skip
def test_there_is_none_where_none_is_known_to_fit(schema: Any) -> None:
    reference = {"$ref": "#/components/schemas/Endless"}
    endless = {"type": "object", "properties": {"next": reference}, "required": ["next"]}
    assert make_example(schema, {"Endless": endless}) is NO_EXAMPLE


def test_the_authors_own_example_comes_first_and_an_optional_property_without_one_is_left_out() -> None:
    own = {"type": "string", "examples": ["own", "other"], "default": "default"}
    impossible = {"type": "string", "pattern": "^only this$"}
    schema = {"type": "object", "properties": {"instanceId": own, "limit": {"default": 3}, "x": impossible}}
    assert make_example(schema, {}) == {"instanceId": "own", "limit": 3}


def test_a_typical_value_is_used_only_where_it_fits() -> None:
    assert make_example({"type": "string"}, {}, "instanceId") == "agent-7"
    assert make_example({"type": "string", "maxLength": 3}, {}, "instanceId") != "agent-7"
    assert make_example({"type": "integer"}, {}, "instanceId") == 1


def test_names_are_unique_without_case_and_punctuation() -> None:
    names = UniqueNames(["time_now"])
    assert [names.take(name) for name in ("TimeNow", "timeNow", "Other")] == ["TimeNow2", "timeNow3", "Other"]
    assert names.take("other", "Another") == "Another"
    assert (pascal_case("time.now_inUTC"), camel_case("Call-time.now")) == ("TimeNowInUTC", "callTimeNow")


def test_a_schema_that_is_shared_becomes_one_component() -> None:
    color = {"type": "string", "enum": ["red", "green"]}
    components = SchemaComponents({}, {"Color": color})
    components.add({"type": "object", "properties": {"a": {**color, "title": "A"}, "b": color}}, "Pair")
    reference = {"$ref": "#/components/schemas/Color"}
    assert components.schemas["Pair"]["properties"] == {"a": reference, "b": reference}
    assert components.schemas["Color"] == {"title": "Color", **color}
