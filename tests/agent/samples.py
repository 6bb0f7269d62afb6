"""Tools and plugins that the tests of this folder share."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from pointsman.agent import Input, Invocation, Output, Services, Tool, ToolContext


class Words(Input):
    text: str
    times: int = Field(1, ge=1, le=9)
    on: date | None = None


class Said(Output):
    said: str
    length: int = Field(ge=0)


def say(context: ToolContext[Words]) -> Said:
    said = context.input.text * context.input.times
    return Said(said=said, length=len(said))


def tool(
    invoke: Callable[[ToolContext[Words]], Said | Mapping[str, object]] = say, tool_id: str = "words.say", **more: Any
) -> Tool[Words, Said]:
    return Tool(tool_id, "Says the text", Words, Said, invoke, **more)


def raising(error: BaseException) -> Tool[Words, Said]:
    def fail(_context: ToolContext[Words]) -> Said:
        raise error

    return tool(fail)


def invocation(secrets: Mapping[str, str] | None = None) -> Invocation:
    return Invocation("user-1", Services(secrets))


class Settings(BaseModel):
    greeting: str
    times: int = 1
