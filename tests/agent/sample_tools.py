"""Tools, a model and an invocation for the tests of the agent."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from pointsman.agent import Input, Invocation, Output, Services, Tool, ToolContext


class SayInput(Input):
    text: str
    times: int = Field(1, ge=1, le=9)
    on: date | None = None


class SayOutput(Output):
    said: str
    length: int = Field(ge=0)


def say(context: ToolContext[SayInput]) -> SayOutput:
    said = context.input.text * context.input.times
    return SayOutput(said=said, length=len(said))


def make_tool(
    invoke: Callable[[ToolContext[SayInput]], SayOutput | Mapping[str, object]] = say,
    tool_id: str = "words.say",
    **more: Any,
) -> Tool[SayInput, SayOutput]:
    return Tool(tool_id, "Says the text", SayInput, SayOutput, invoke, **more)


def make_failing_tool(error: BaseException) -> Tool[SayInput, SayOutput]:
    def fail(_context: ToolContext[SayInput]) -> SayOutput:
        raise error

    return make_tool(fail)


def make_invocation(secrets: Mapping[str, str] | None = None) -> Invocation:
    return Invocation("user-1", Services(secrets))


class Settings(BaseModel):
    greeting: str
    times: int = 1
