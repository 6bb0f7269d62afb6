"""Bodies of requests, responses and stream events about prompts, as types for the routes and the OpenAPI document."""

# ruff: noqa: D101 - a docstring here becomes a description in the OpenAPI documents

from typing import Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from ...agent import Input, Timestamp
from ...list_cursor import CURSOR_PATTERN

__all__ = [
    "Approval",
    "ApprovalAsked",
    "ApprovalDecided",
    "ApprovalList",
    "ApprovalQuery",
    "CallStarted",
    "Cancelled",
    "Decided",
    "Delta",
    "Failed",
    "FileOutput",
    "PromptCompleted",
    "PromptCreated",
    "PromptList",
    "PromptPage",
    "PromptQuery",
    "Rejection",
    "Status",
    "TextOutput",
    "ToolOutput",
    "Usage",
]

_MAX_REASON_CHARS = 2000


class Approval(Input):
    """`input`, where it is sent along, must be the one that was shown."""

    toolCallId: str = Field(min_length=1)
    input: Any = None


class Rejection(Input):
    """`reason` is told to the model."""

    toolCallId: str = Field(min_length=1)
    reason: str | None = Field(default=None, max_length=_MAX_REASON_CHARS)


class Decided(TypedDict):
    promptId: str
    toolCallId: str
    status: Literal["approved", "rejected"]


Status = Literal["running", "waiting", "completed", "failed", "cancelled"]


class Cancelled(TypedDict):
    """`status` is another than `cancelled` where the prompt had ended before."""

    promptId: str
    status: Status


class TextOutput(TypedDict):
    type: Literal["text"]
    content: str
    start: Timestamp
    end: Timestamp


class ToolSuccess(TypedDict):
    type: Literal["success"]
    output: Any


class ToolFailure(TypedDict):
    type: Literal["error"]
    error: str


class ToolOutput(TypedDict):
    """`id` is the model's call id, the same as `toolCallId` in an approval."""

    type: Literal["tool"]
    id: str
    function: str
    input: Any
    result: ToolSuccess | ToolFailure
    start: Timestamp
    end: Timestamp


class FileOutput(TypedDict):
    type: Literal["file"]
    path: str
    mimeType: NotRequired[str]
    description: NotRequired[str]
    start: Timestamp
    end: Timestamp


class Usage(TypedDict):
    """The sum over the prompt's calls of the model, in tokens."""

    inputTokens: int
    outputTokens: int
    totalTokens: int


class ApprovalAsked(TypedDict):
    """The call that a person must decide about, and why.

    `input` and `reason` are as a person may see them: hidden characters as escapes, long values shortened with their
    digest, secrets as `***`. What is approved is the whole input all the same.
    """

    promptId: str
    toolCallId: str
    toolName: str
    input: Any
    reason: str


class CallStarted(TypedDict):
    """The tool that begins to run, with the input that its output will have."""

    promptId: str
    toolCallId: str
    toolName: str
    input: Any
    start: Timestamp


class ApprovalDecided(TypedDict):
    """How the approval was decided, and by which user; `reason` is that of a rejection."""

    promptId: str
    toolCallId: str
    decision: Literal["approved", "rejected", "expired"]
    reason: NotRequired[str]
    decidedBy: NotRequired[str]


class PendingApproval(ApprovalAsked):
    expiresAt: Timestamp


class ApprovalQuery(Input):
    limit: int = Field(default=20, ge=1, le=100, strict=False)
    cursor: str = Field(default="", pattern=f"^({CURSOR_PATTERN.pattern})?$")


class DecidableApproval(PendingApproval):
    """A call that the caller decides about: an own one, or, with `approver` `other`, one of `requestedBy`."""

    requestedBy: str
    approver: Literal["self", "other"]


class ApprovalList(TypedDict):
    """`nextCursor` is there if there are more."""

    approvals: list[DecidableApproval]
    nextCursor: NotRequired[str]


class PromptPage(TypedDict):
    """`approval` is there while the prompt waits for it, `error` where it has failed or was cancelled.

    `omittedOutputs` counts those that would not fit into the response; the prompt's stream has all.
    """

    id: str
    conversationId: NotRequired[str]
    input: str
    model: Literal["normal", "high"]
    status: Status
    outputs: list[TextOutput | ToolOutput | FileOutput]
    omittedOutputs: NotRequired[int]
    approval: NotRequired[PendingApproval]
    usage: Usage
    error: NotRequired[str]
    createdAt: Timestamp
    updatedAt: Timestamp


class PromptQuery(Input):
    status: Status | None = None
    conversationId: str | None = Field(default=None, min_length=1, max_length=128)
    limit: int = Field(default=20, ge=1, le=100, strict=False)
    cursor: str = Field(default="", pattern=f"^({CURSOR_PATTERN.pattern})?$")


class ListedPrompt(TypedDict):
    """`title` is the shortened first line of the input."""

    id: str
    conversationId: NotRequired[str]
    title: str
    model: Literal["normal", "high"]
    status: Status
    totalTokens: int
    error: NotRequired[str]
    createdAt: Timestamp
    updatedAt: Timestamp


class PromptList(TypedDict):
    """The newest first; `nextCursor` is there if there are more."""

    prompts: list[ListedPrompt]
    nextCursor: NotRequired[str]


class PromptCreated(TypedDict):
    promptId: str


class PromptCompleted(TypedDict):
    promptId: str
    usage: Usage


class Failed(TypedDict):
    message: str


class Delta(TypedDict):
    """A piece of what the model is saying. With `reset` all pieces since the last event are to be forgotten."""

    promptId: str
    text: str
    reset: NotRequired[Literal[True]]
