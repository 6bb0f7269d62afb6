"""A tool: something with a typed input and a typed output that a client or a model can call."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from ..errors import ApprovalRequired, CompositionError, InvalidToolInput, PointsmanError, ToolFailed
from .container import Secrets, Services
from .error_text import safe_error_text
from .validation import InvalidOutput, serialize_output, validate_input

__all__ = ["AnyTool", "FileEmitter", "Invocation", "Tool", "ToolContext"]

In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel)

_ID_PATTERN = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_MAX_ID_LENGTH = 128


class FileEmitter(Protocol):
    """Tells whoever follows a prompt of a file that the tool has made."""

    def __call__(self, path: str, mime_type: str | None = None, description: str | None = None) -> None: ...


def _ignore_file(path: str, mime_type: str | None = None, description: str | None = None) -> None:
    """Over REST nobody follows."""


@dataclass(frozen=True)
class Invocation:
    """A call of a tool, but for its input: who calls, and what the call may use.

    `state` is the prompt's and outlives the call; over REST it is empty and lost.
    """

    user_id: str
    services: Services
    state: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    output_file: FileEmitter = _ignore_file


@dataclass(frozen=True)
class ToolContext(Generic[In]):
    """What a tool is called with: who calls, the valid input, and what the call may use."""

    user_id: str
    input: In = field(repr=False)
    services: Services
    state: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    output_file: FileEmitter = _ignore_file

    @property
    def secrets(self) -> Secrets:
        return self.services.secrets


@dataclass(frozen=True)
class Tool(Generic[In, Out]):
    """A tool.

    `id` is words in snake case with dots between them (`time.now`), and what names it everywhere. `invoke` returns an
    `output` or a mapping that fits it; whatever it raises becomes ToolFailed. `approval` says why a person must approve
    this input, or None where nobody must. `client_only` tools are never given to a model. `example` is an input that
    works, for the documentation. Raises CompositionError for what cannot be.
    """

    id: str
    description: str
    input: type[In]
    output: type[Out]
    invoke: Callable[[ToolContext[In]], Out | Mapping[str, object]]
    approval: Callable[[In], str | None] | None = None
    client_only: bool = False
    example: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        if not _ID_PATTERN.fullmatch(self.id) or len(self.id) > _MAX_ID_LENGTH:
            raise CompositionError(f"A tool cannot be called {self.id[:_MAX_ID_LENGTH]!r}: ids are like time.now")
        if not self.description.strip():
            raise CompositionError(f"Tool {self.id} needs a description: it is all that a model knows of it")
        if inspect.iscoroutinefunction(self.invoke):
            raise CompositionError(f"Tool {self.id} must be a plain def: one sandbox serves one call at a time")

    def validate_input(self, raw_input: object) -> In:
        """The input out of parsed JSON. Raises InvalidToolInput, and ToolFailed where the model's own code fails."""
        try:
            return validate_input(self.input, raw_input, f"The input of {self.id}")
        except InvalidToolInput:
            raise
        except Exception as error:
            raise ToolFailed(f"The input of {self.id} cannot be checked: {safe_error_text(error)}") from error

    def get_approval_reason(self, tool_input: In) -> str | None:
        """Why a person must approve a call with this input, or None. Raises ToolFailed where the rule itself fails."""
        if self.approval is None:
            return None
        try:
            return self.approval(tool_input)
        except Exception as error:
            raise ToolFailed(f"Whether {self.id} must be approved cannot be told: {safe_error_text(error)}") from error

    def call(self, invocation: Invocation, raw_input: object, *, approved: bool = False) -> object:
        """Call the tool with parsed JSON; its output as JSON.

        Raises InvalidToolInput, ApprovalRequired where a person must approve it and nobody has `approved` it, and
        ToolFailed.
        """
        tool_input = self.validate_input(raw_input)
        reason = None if approved else self.get_approval_reason(tool_input)
        if reason is not None:
            raise ApprovalRequired(f"A person must approve this call of {self.id}: {reason}")
        context = ToolContext(
            invocation.user_id, tool_input, invocation.services, invocation.state, invocation.output_file
        )
        try:
            return serialize_output(self.output, self.invoke(context))
        except InvalidOutput as wrong:
            raise ToolFailed(f"{self.id} returned something that is not its output: {wrong}") from None
        except (Exception, SystemExit) as error:
            details = {**error.details, "code": error.code} if isinstance(error, PointsmanError) else None
            raise ToolFailed(safe_error_text(error, context.secrets.values()), details=details) from error


AnyTool = Tool[Any, Any]
