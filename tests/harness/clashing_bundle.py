"""A bundle whose plugins know nothing of each other: models, tools and routes with names that generators confuse."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel

from local.template import openapi
from pointsman.agent import Agent, Input, RouteContext, Tool, ToolContext
from pointsman.http.openapi.runtime_document import generate_runtime_document

T = TypeVar("T")


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Cat(BaseModel):
    kind: Literal["cat"]
    color: Color
    meta: dict[str, Any] = {}


class Dog(BaseModel):
    kind: Literal["dog"]
    level: Level = Level.LOW
    friends: "list[Pet]" = []


class Pet(RootModel[Annotated[Cat | Dog, Field(discriminator="kind")]]):
    pass


class Box(BaseModel, Generic[T]):
    item: T
    more: list[T] = []


class Tree(BaseModel):
    left: "Tree | None" = None
    value: int


class Everything(BaseModel):
    model_config = ConfigDict(title="A title with spaces")

    keyword: str = Field("x", alias="class")
    shadow: int = Field(1, alias="schema")
    title: str = Field(title="Title")
    properties: dict[str, int]
    when: datetime
    day: date
    took: timedelta
    id: UUID
    price: Decimal
    path: Path = Path("/tmp")
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    pair: tuple[int, str]
    many: list[int] = Field(min_length=2, max_length=3)
    tags: set[str]
    numbers: Box[int]
    cats: Box[Cat]
    status: Literal["a", "b"]
    last_status: Literal["a", "b"] | None = None
    by_name: dict[str, Cat] | None
    deep: dict[str, dict[str, list[Literal["x", "y"]]]]
    even: int = Field(multiple_of=2, ge=3)
    rate: float = Field(gt=0, lt=1)
    anything: Any
    constant: Literal[3]
    mixed: Literal["a", 1, True]
    pet: Pet


class Cats(RootModel[list[Cat]]):
    pass


class Either(RootModel[Cat | Dog | Box[Cat]]):
    pass


class Text(RootModel[str]):
    pass


class Result(BaseModel):
    result: int


class Nothing(Input):
    pass


def _make_other_models() -> tuple[type[BaseModel], type[BaseModel]]:
    """Models of other modules, with names that are used here already."""

    class Cat(BaseModel):
        lives: int

    class Input(BaseModel):
        cat: Cat
        own: Annotated[Tree, Field(description="Of this module")]

    return Cat, Input


OtherCat, OtherInput = _make_other_models()


class BothCats(BaseModel):
    one: Cat
    other: OtherCat  # type: ignore[valid-type]


_MODELS = (Everything, Pet, Either, Tree, BothCats, Nothing, Result, OtherInput, Box[int], Box[Cat], OtherCat)
_OUTPUTS = (*_MODELS, Cats, Text)
_TOOL_IDS = (
    "a.bc", "ab.c", "a.b_c", "a.b.c", "a.b_c_input", "call.tool", "prompt.event", "import.class", "tool.id",
    "fleet.status",
)  # fmt: skip
"""Ids that are equal but for case and punctuation, that are words of a language, or names of our own."""


def _invoke(context: ToolContext[Any]) -> dict[str, object]:
    raise NotImplementedError


def _serve(context: RouteContext) -> dict[str, object]:
    raise NotImplementedError


def compose_clashing_bundle() -> Agent:
    """The bundle. Its tools and routes are only described, never called."""
    agent = Agent(prefix="/v1")
    for index, output in enumerate(_OUTPUTS):
        tool_input = _MODELS[(index + 1) % len(_MODELS)]
        agent.api.expose_tool(Tool(f"plugin.tool{index}", "Of the plugin", tool_input, output, _invoke), tag="Plugin")
    for index, tool_id in enumerate(_TOOL_IDS):
        tool = Tool(tool_id, "Of another", _MODELS[index % len(_MODELS)], _OUTPUTS[-index - 1], _invoke)
        agent.api.expose_tool(tool, tag="Agent API" if tool_id == "call.tool" else None)
    route = agent.api.register_route
    route("GET", "/hello/{name}", _serve)
    route("PUT", "/hello/{name}", _serve, input=Everything, output=Either)
    route("GET", "/hello/name", _serve, output=Tree, tag="Plugin")
    route("GET", "/hello/by-name", _serve)
    route("GET", "/a.b/c~d/{x_y}/{class}", _serve, output=Cats)
    route("POST", "/upload", _serve, input=OtherCat, output=Text, public=True)
    route("GET", "/docs-page", _serve)
    return agent.start()


def build_clashing_document() -> dict[str, Any]:
    """The bundle's OpenAPI document."""
    combined = json.loads(openapi.COMBINED_DOCUMENT_PATH.read_text())
    return generate_runtime_document(combined, compose_clashing_bundle().api, "jwt")
