"""An agent whose tools record how often they were called, for whom, and with what.

It needs no stack: processes that tests kill compose it too.
"""

import json
from typing import Any, cast

from pydantic import Field

from pointsman.agent import Agent, Input, Output, Plugin, Prompt, Tool, ToolContext
from pointsman.db import connection


class EffectInput(Input):
    name: str = Field(min_length=1, max_length=20)
    by: int = 1


class EffectOutput(Output):
    name: str
    by: int


class SecretInput(EffectInput):
    variables: dict[str, str] = Field({})


class EmptyInput(Input):
    pass


class CallCount(Output):
    calls: int


class SizeInput(Input):
    size: int


class TextOutput(Output):
    text: str


def _record_effect(context: ToolContext[EffectInput]) -> EffectOutput:
    """Commit on its own, as a provider's side effect would be."""
    arguments = context.input
    connection.run_in_transaction(
        lambda db: db.execute("INSERT INTO test_effects VALUES (%s, %s)", (context.user_id, arguments.name))
    )
    return EffectOutput(name=arguments.name, by=arguments.by)


def _echo_variables(context: ToolContext[SecretInput]) -> TextOutput:
    """Record that it ran, and repeat what is secret, as a careless tool would."""
    _record_effect(cast("ToolContext[EffectInput]", context))
    if context.input.name == "fails":
        raise RuntimeError(f"refused: {context.input.variables}")
    return TextOutput(text=f"set {context.input.variables}")


def _count_calls(context: ToolContext[EmptyInput]) -> CallCount:
    context.state["calls"] = context.state.get("calls", 0) + 1
    return CallCount(calls=context.state["calls"])


def _store_much(context: ToolContext[SizeInput]) -> TextOutput:
    """Keep as much that the state is of this size as JSON."""
    context.state["much"] = "x" * (context.input.size - len('{"much": ""}'))
    return TextOutput(text="kept")


def _store_unserializable_state(context: ToolContext[EmptyInput]) -> CallCount:
    context.state["no json"] = object()
    return CallCount(calls=1)


def _output_files(context: ToolContext[EmptyInput]) -> TextOutput:
    context.output_file("/report.md", "text/markdown", "The report")
    context.output_file("/data.bin")
    return TextOutput(text="written")


def _raise_error(context: ToolContext[EmptyInput]) -> TextOutput:
    raise RuntimeError("the disk is full")


def _raise_with_secret(context: ToolContext[EmptyInput]) -> TextOutput:
    raise RuntimeError(f"refused: {context.secrets['TOKEN']}")


class EffectsPlugin(Plugin[Any]):
    id = "effects"
    tools = (
        Tool("effects.bump", "Leaves a trace", EffectInput, EffectOutput, _record_effect),
        Tool(
            "effects.ask",
            "Leaves a trace, if one may",
            EffectInput,
            EffectOutput,
            _record_effect,
            approval=lambda arguments: f"Leaves {arguments.name}" if arguments.by < 100 else None,
        ),
        Tool(
            "effects.set",
            "Sets secret variables, if one may",
            SecretInput,
            TextOutput,
            _echo_variables,
            approval=lambda arguments: (
                f"Sets {arguments.variables} for {arguments.name}" if arguments.by < 100 else None
            ),
            secret_fields=["variables.*"],
        ),
        Tool("effects.read", "Leaves a trace, for readers", EffectInput, EffectOutput, _record_effect, "effects:read"),
        Tool(
            "effects.guard",
            "Leaves a trace, if one who may says so",
            EffectInput,
            EffectOutput,
            _record_effect,
            requires="effects:write",
            approval=lambda arguments: f"Leaves {arguments.name}",
        ),
        Tool(
            "effects.dual",
            "Leaves a trace, if somebody else says so",
            EffectInput,
            EffectOutput,
            _record_effect,
            requires="effects:write",
            approval=lambda arguments: f"Leaves {arguments.name}",
            approver="other",
        ),
        Tool("effects.keep", "Counts its calls", EmptyInput, CallCount, _count_calls),
        Tool("effects.hoard", "Keeps much", SizeInput, TextOutput, _store_much),
        Tool("effects.spoil", "Keeps what cannot be kept", EmptyInput, CallCount, _store_unserializable_state),
        Tool("effects.file", "Makes files", EmptyInput, TextOutput, _output_files),
        Tool("effects.raise", "Raises", EmptyInput, TextOutput, _raise_error),
        Tool("effects.leak", "Raises with a secret", EmptyInput, TextOutput, _raise_with_secret),
        Tool(
            "effects.big",
            "Returns much",
            SizeInput,
            TextOutput,
            lambda context: TextOutput(text="x" * context.input.size),
        ),
    )

    def prepare(self, prompt: Prompt) -> None:
        prompt.add_tools(*self.tools)
        prompt.add_instructions("Leave traces.")


class FailingPlugin(Plugin[Any]):
    """A plugin that fails on demand."""

    id = "fragile"
    should_fail = False

    def prepare(self, prompt: Prompt) -> None:
        if self.should_fail:
            raise RuntimeError("no instructions today")


def compose() -> Agent:
    agent = Agent(secrets={"TOKEN": "the-token-of-the-tests"}, prefix="/api")
    agent.plugins.register(EffectsPlugin())
    agent.plugins.register(FailingPlugin())
    return agent.start()


def tool_call(name: str, call_id: str = "call_1", /, **arguments: object) -> dict[str, object]:
    """A call for a script of the simulated model."""
    return {"name": name, "call_id": call_id, "arguments": json.dumps(arguments)}


def usage_field(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    """A scripted turn's token usage."""
    return {"usage": {"input_tokens": input_tokens, "output_tokens": output_tokens}}
