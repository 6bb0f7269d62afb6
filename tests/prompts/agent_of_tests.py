"""An agent whose tools show how often they were called, for whom, and what they were given.

It needs no stack: processes that tests kill compose it too.
"""

import json
from typing import Any

from pydantic import Field

from pointsman.agent import Agent, Input, Output, Plugin, Prompt, Tool, ToolContext
from pointsman.db import connection


class Bump(Input):
    name: str = Field(min_length=1, max_length=20)
    by: int = 1


class Bumped(Output):
    name: str
    by: int


class Nothing(Input):
    pass


class Kept(Output):
    calls: int


class Big(Input):
    size: int


class Text(Output):
    text: str


def _bump(context: ToolContext[Bump]) -> Bumped:
    """The effect is committed on its own, as a provider's would be."""
    given = context.input
    connection.run(lambda db: db.execute("INSERT INTO test_effects VALUES (%s, %s)", (context.user_id, given.name)))
    return Bumped(name=given.name, by=given.by)


def _keep(context: ToolContext[Nothing]) -> Kept:
    context.state["calls"] = context.state.get("calls", 0) + 1
    return Kept(calls=context.state["calls"])


def _spoil(context: ToolContext[Nothing]) -> Kept:
    context.state["no json"] = object()
    return Kept(calls=1)


def _file(context: ToolContext[Nothing]) -> Text:
    context.output_file("/report.md", "text/markdown", "The report")
    context.output_file("/data.bin")
    return Text(text="written")


def _raise(context: ToolContext[Nothing]) -> Text:
    raise RuntimeError("the disk is full")


def _leak(context: ToolContext[Nothing]) -> Text:
    raise RuntimeError(f"refused: {context.secrets['TOKEN']}")


class Effects(Plugin[Any]):
    id = "effects"
    tools = (
        Tool("effects.bump", "Leaves a trace", Bump, Bumped, _bump),
        Tool("effects.ask", "Leaves a trace, if one may", Bump, Bumped, _bump,
             approval=lambda given: f"Leaves {given.name}" if given.by < 100 else None),
        Tool("effects.keep", "Counts its calls", Nothing, Kept, _keep),
        Tool("effects.spoil", "Keeps what cannot be kept", Nothing, Kept, _spoil),
        Tool("effects.file", "Makes files", Nothing, Text, _file),
        Tool("effects.raise", "Raises", Nothing, Text, _raise),
        Tool("effects.leak", "Raises with a secret", Nothing, Text, _leak),
        Tool("effects.big", "Returns much", Big, Text, lambda context: Text(text="x" * context.input.size)),
    )  # fmt: skip

    def prepare(self, prompt: Prompt) -> None:
        prompt.add_tools(*self.tools)
        prompt.add_instructions("Leave traces.")


class Fragile(Plugin[Any]):
    """Fails where it is told to."""

    id = "fragile"
    fails = False

    def prepare(self, prompt: Prompt) -> None:
        if self.fails:
            raise RuntimeError("no instructions today")


def compose() -> Agent:
    agent = Agent(secrets={"TOKEN": "the-token-of-the-tests"}, prefix="/api")
    agent.plugins.register(Effects())
    agent.plugins.register(Fragile())
    return agent.start()


def call(name: str, call_id: str = "call_1", /, **arguments: object) -> dict[str, object]:
    """A call for a script of the simulated model."""
    return {"name": name, "call_id": call_id, "arguments": json.dumps(arguments)}
