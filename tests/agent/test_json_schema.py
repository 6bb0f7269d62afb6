"""The schemas in a tool's description: a choice between objects says that it is an object."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, RootModel

from pointsman.agent import Tool, ToolContext, describe_tool


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    friend: "Dog | None" = None


class EitherOr(RootModel[Cat | Dog]):
    pass


class Tagged(RootModel[Annotated[Cat | Dog, Field(discriminator="kind")]]):
    pass


class Nested(RootModel[EitherOr | dict[str, int]]):
    pass


class Optional(RootModel[Cat | None]):
    pass


class Mixed(RootModel[Cat | str]):
    pass


class Listed(RootModel[list[Cat]]):
    pass


def describe(model: type[BaseModel]) -> dict[str, object]:
    def invoke(context: ToolContext[BaseModel]) -> BaseModel:
        return context.input

    return describe_tool(Tool("a.tool", "Some tool", model, model, invoke))


@pytest.mark.parametrize(("model", "expected"), [
    (Cat, "object"), (Dog, "object"), (EitherOr, "object"), (Tagged, "object"), (Nested, "object"),
    (Optional, None), (Mixed, None), (Listed, "array"),
])  # fmt: skip
def test_a_schema_of_objects_only_has_the_type_object(model: type[BaseModel], expected: str | None) -> None:
    described = describe(model)
    for part in ("input", "output"):
        schema = described[part]
        assert isinstance(schema, dict)
        assert schema.get("type") == expected
