"""JSON Schemas of models, and the description of a tool in `GET /tools`."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema

from .tool import AnyTool

__all__ = ["describe_tool", "input_schema", "output_schema"]


class _SchemaGenerator(GenerateJsonSchema):
    """Omits titles derived from field names: they add nothing, and each costs the model tokens."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def input_schema(model: type[BaseModel], ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """Return the JSON Schema of a model as an input.

    Args:
        model: the model.
        ref_template: format of a reference to a definition, with `{model}` for its name.
    """
    return model.model_json_schema(mode="validation", ref_template=ref_template, schema_generator=_SchemaGenerator)


def output_schema(model: type[BaseModel], ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """Return the JSON Schema of a model as an output. For `ref_template` see `input_schema`."""
    return model.model_json_schema(mode="serialization", ref_template=ref_template, schema_generator=_SchemaGenerator)


def describe_tool(tool: AnyTool, tag: str | None = None) -> dict[str, Any]:
    """Describe a tool as `GET /tools` lists it: id, description, tag, and the schemas of input and output."""
    return {
        "id": tool.id,
        "description": tool.description,
        **({} if tag is None else {"tag": tag}),
        "input": input_schema(tool.input),
        "output": output_schema(tool.output),
    }
