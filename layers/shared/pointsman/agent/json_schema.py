"""JSON Schemas of models, and the description of a tool in `GET /tools`."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema, JsonSchemaMode

from ..errors import CompositionError
from .secret_fields import mark_in_schema
from .tool import AnyTool

__all__ = ["describe_tool", "input_schema", "output_schema", "tool_input_schema"]


class _SchemaGenerator(GenerateJsonSchema):
    """Omits titles derived from field names: they add nothing, and each costs the model tokens."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def input_schema(model: type[BaseModel], ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """Return the JSON Schema of a model as an input. A choice of objects states the type `object`, as clients require.

    Args:
        model: the model.
        ref_template: format of a reference to a definition, with `{model}` for its name.
    """
    return _build_schema(model, "validation", ref_template)


def tool_input_schema(tool: AnyTool, ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """Return the JSON Schema of a tool's input, with `writeOnly` at its secret fields.

    Raises:
        CompositionError: the input has no field at a path of the tool's secret fields.
    """
    schema = input_schema(tool.input, ref_template)
    definitions = {ref_template.format(model=name): part for name, part in schema.get("$defs", {}).items()}
    for path in tool.secret_fields:
        if not mark_in_schema(schema, definitions, path):
            raise CompositionError(f"Tool {tool.id} has no field {path[:100]!r} that could be secret")
    return schema


def output_schema(model: type[BaseModel], ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """Return the JSON Schema of a model as an output. For the rest see `input_schema`."""
    return _build_schema(model, "serialization", ref_template)


def _build_schema(model: type[BaseModel], mode: JsonSchemaMode, ref_template: str) -> dict[str, Any]:
    schema = model.model_json_schema(mode=mode, ref_template=ref_template, schema_generator=_SchemaGenerator)
    definitions = {ref_template.format(model=name): part for name, part in schema.get("$defs", {}).items()}
    if "type" not in schema and _is_object(schema, definitions, set()):
        schema["type"] = "object"
    return schema


def _is_object(schema: Any, definitions: Mapping[str, Any], seen: set[str]) -> bool:
    """Whether every value that fits the schema is an object; `seen` are the references that led here."""
    if not isinstance(schema, dict):
        return False
    content = cast("dict[str, Any]", schema)
    reference = str(content.get("$ref", ""))
    if reference:
        return reference in seen or _is_object(definitions.get(reference), definitions, {*seen, reference})
    choices: list[Any] = content.get("anyOf") or content.get("oneOf") or []
    if choices and "type" not in content:
        return all(_is_object(choice, definitions, seen) for choice in choices)
    return content.get("type") == "object"


def describe_tool(tool: AnyTool, tag: str | None = None) -> dict[str, Any]:
    """Describe a tool as `GET /tools` lists it: id, description, tag, and the schemas of input and output."""
    return {
        "id": tool.id,
        "description": tool.description,
        **({} if tag is None else {"tag": tag}),
        "input": tool_input_schema(tool),
        "output": output_schema(tool.output),
    }
