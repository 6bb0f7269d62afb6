"""Tools as clients and models are told of them: JSON Schemas of what they take and return."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema

from .tool import AnyTool

__all__ = ["describe_tool", "input_schema", "output_schema"]


class _SchemaGenerator(GenerateJsonSchema):
    """Without titles made of the names of fields: they say nothing, and a model pays for each word."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def input_schema(model: type[BaseModel], ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """What a client may send. `refs` is where what is under `$defs` will be, with `{model}` for its name there."""
    return model.model_json_schema(mode="validation", ref_template=ref_template, schema_generator=_SchemaGenerator)


def output_schema(model: type[BaseModel], ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """What it gets; `refs` likewise."""
    return model.model_json_schema(mode="serialization", ref_template=ref_template, schema_generator=_SchemaGenerator)


def describe_tool(tool: AnyTool, tag: str | None = None) -> dict[str, Any]:
    """A tool as `GET /tools` lists it."""
    return {
        "id": tool.id,
        "description": tool.description,
        **({} if tag is None else {"tag": tag}),
        "input": input_schema(tool.input),
        "output": output_schema(tool.output),
    }
