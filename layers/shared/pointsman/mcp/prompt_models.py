"""Inputs and output of the two tools of prompts."""

from typing import Any, Literal

from pydantic import Field

from ..agent.models import Input, Output, drop_default

__all__ = ["PromptInput", "PromptOutcome", "ResultInput"]


def _omitted(description: str) -> Any:
    return Field(None, description=description, exclude_if=lambda value: value is None, json_schema_extra=drop_default)


class PromptInput(Input):
    """Input of the tool that runs a prompt."""

    input: str = Field(description="The task or question")
    model: Literal["normal", "high"] = Field("normal", description="`high` for hard tasks")
    conversationId: str = Field("", description="The conversation that it continues; empty for none")


class ResultInput(Input):
    """Input of the tool that waits for a prompt."""

    promptId: str = Field(description="As the answer of a call has it, like prompt-0123456789abcdef0123456789abcdef")


class CallOutcome(Output):
    """A tool call of a prompt that has ended."""

    tool: str
    status: Literal["success", "error"]
    output: Any = _omitted("What the tool returned")
    error: str | None = _omitted("Why there is no output")


class WaitingApproval(Output):
    """The tool call that waits for a person."""

    toolCallId: str
    tool: str
    reason: str
    input: Any
    expiresAt: str


class PromptOutcome(Output):
    """The state of a prompt."""

    promptId: str
    status: Literal["running", "waiting", "completed", "failed", "cancelled"]
    text: str = Field(description="What the model has written so far")
    calls: list[CallOutcome] = Field(description="The tool calls that have ended")
    omittedCalls: int | None = _omitted("How many more there are, which were too large for this answer")
    approval: WaitingApproval | None = _omitted("The call that waits for a person")
    error: str | None = _omitted("Why it has failed")
    next: str | None = _omitted("How to go on if it has not ended")
