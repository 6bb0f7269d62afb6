"""Tools: functions with a typed input and output that a client or a model can call."""

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, RootModel

from ..errors import ApprovalRequired, CompositionError, Forbidden, InvalidToolInput, PointsmanError, ToolFailed
from ..identity.permissions import is_granted, is_permission
from ..settings.permissions import ApproverRule
from .container import Secrets, Services
from .display import show_text
from .error_text import safe_error_text
from .secret_fields import conceal, find_secret_texts, is_path
from .validation import InvalidOutput, serialize_output, validate_input

__all__ = ["AnyTool", "FileEmitter", "Invocation", "Tool", "ToolContext"]

In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel)

_ID_PATTERN = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_MAX_ID_LENGTH = 128


class FileEmitter(Protocol):
    """Callback by which a tool reports a file as an output of the prompt."""

    def __call__(self, path: str, mime_type: str | None = None, description: str | None = None) -> None:
        """Report the file at `path`. The file itself is not read."""
        ...


def _ignore_file(path: str, mime_type: str | None = None, description: str | None = None) -> None:
    """Ignore the file: a call over REST belongs to no prompt."""


@dataclass(frozen=True)
class Invocation:
    """Everything about a tool call except its input.

    Attributes:
        user_id: the caller.
        services: the agent's service container.
        permissions: what the caller may do.
        state: JSON values that tools keep from call to call of a conversation. Over REST it is empty and dropped.
        output_file: reports a file.
    """

    user_id: str
    services: Services
    permissions: Collection[str] = ()
    state: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    output_file: FileEmitter = _ignore_file


@dataclass(frozen=True)
class ToolContext(Generic[In]):
    """Argument of a tool's function: the valid input, and the fields of `Invocation`."""

    user_id: str
    input: In = field(repr=False)
    services: Services
    state: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    output_file: FileEmitter = _ignore_file

    @property
    def secrets(self) -> Secrets:
        """The bundle's secrets by name."""
        return self.services.secrets


@dataclass(frozen=True)
class Tool(Generic[In, Out]):
    """A tool.

    Attributes:
        id: words in snake case joined by dots, like `time.now`.
        description: what the tool does, for a model and for readers.
        input: model of the input.
        output: model of the output.
        invoke: returns an `output` or a mapping that fits it. What it raises becomes ToolFailed.
        requires: the permission that a caller needs, like `fleet:read`; empty for none.
        approval: returns why a person must approve a call with this input, or None if nobody must.
        approver: who approves: the prompt's user (`self`), or somebody else who has the permission that the tool
            requires (`other`). The setting TOOL_APPROVERS may say otherwise.
        client_only: whether the tool is never offered to a model.
        read_only: whether it changes nothing. This and the next three are hints for clients.
        destructive: whether it may change or delete what exists; by default, whether it may need an approval.
        idempotent: whether a repetition with the same input changes nothing more.
        open_world: whether it reaches what does not belong to this deployment, like the web.
        secret_fields: paths to what is secret in the input, like `variables.*` (module `secret_fields`). The values are
            masked wherever an input is kept or shown, and erased before the call runs, which alone gets them.
        example: a valid input, for the API's documentation.

    Raises:
        CompositionError: the id, the description, the permission or a secret field is not valid, nobody could be its
            approver, it is read-only and destructive, or `invoke` is a coroutine function.
    """

    id: str
    description: str
    input: type[In]
    output: type[Out]
    invoke: Callable[[ToolContext[In]], Out | Mapping[str, object]]
    requires: str = ""
    approval: Callable[[In], str | None] | None = None
    approver: ApproverRule = "self"
    client_only: bool = False
    read_only: bool = False
    destructive: bool | None = None
    idempotent: bool = False
    open_world: bool = True
    secret_fields: Collection[str] = ()
    example: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        if not _ID_PATTERN.fullmatch(self.id) or len(self.id) > _MAX_ID_LENGTH:
            raise CompositionError(f"A tool cannot be called {self.id[:_MAX_ID_LENGTH]!r}: ids are like time.now")
        if not self.description.strip():
            raise CompositionError(f"Tool {self.id} needs a description: it is all that a model knows of it")
        if self.requires and not is_permission(self.requires):
            raise CompositionError(f"Tool {self.id}: a permission is like fleet:read, not {self.requires[:100]!r}")
        if self.approver == "other" and not self.requires:
            raise CompositionError(f"Tool {self.id}: somebody else approves it only by a permission that it requires")
        if self.read_only and self.is_destructive:
            raise CompositionError(f"Tool {self.id} changes something, or only reads, but not both")
        for path in self.secret_fields:
            if not is_path(path) or not self._has_member(path.partition(".")[0]):
                raise CompositionError(f"Tool {self.id} has no field {path[:100]!r} that could be secret")
        if inspect.iscoroutinefunction(self.invoke):
            raise CompositionError(f"Tool {self.id} must be a plain def: one sandbox serves one call at a time")

    @property
    def is_destructive(self) -> bool:
        """Whether a client should take it as one that may change or delete what exists."""
        return self.approval is not None if self.destructive is None else self.destructive

    def _has_member(self, name: str) -> bool:
        fields = self.input.model_fields
        names = {*fields, *(field.alias for field in fields.values())}
        return issubclass(self.input, RootModel) or name in names

    def is_usable_by(self, permissions: Collection[str]) -> bool:
        """Whether a caller with these permissions may list and call the tool."""
        return is_granted(self.requires, permissions)

    def validate_input(self, raw_input: object) -> In:
        """Validate parsed JSON as the tool's input.

        Raises:
            InvalidToolInput: it does not fit.
            ToolFailed: a validator of the input model failed.
        """
        try:
            return validate_input(self.input, raw_input, f"The input of {self.id}")
        except InvalidToolInput as invalid:
            texts = find_secret_texts(raw_input, [*self.secret_fields])
            raise InvalidToolInput(invalid.message, conceal(invalid.issues, texts)) from None
        except Exception as error:
            raise ToolFailed(f"The input of {self.id} cannot be checked: {safe_error_text(error)}") from error

    def get_approval_reason(self, tool_input: In) -> str | None:
        """Return why a person must approve a call with this input, or None.

        Raises:
            ToolFailed: the rule `approval` failed.
        """
        if self.approval is None:
            return None
        try:
            return self.approval(tool_input)
        except Exception as error:
            raise ToolFailed(f"Whether {self.id} must be approved cannot be told: {safe_error_text(error)}") from error

    def call(self, invocation: Invocation, raw_input: object, *, approved: bool = False) -> object:
        """Validate the input, call the tool, and return its output as JSON values.

        Args:
            invocation: who calls, and what the call may use.
            raw_input: parsed JSON.
            approved: whether a person has approved this call.

        Raises:
            Forbidden: the caller lacks the permission.
            InvalidToolInput: the input does not fit.
            ApprovalRequired: a person must approve the call, and it is not `approved`.
            ToolFailed: the tool raised, or returned something that is not its output.
        """
        if not self.is_usable_by(invocation.permissions):
            raise Forbidden(f"Tool {self.id} needs the permission {self.requires}")
        tool_input = self.validate_input(raw_input)
        secret_texts = find_secret_texts(raw_input, [*self.secret_fields])
        reason = None if approved else self.get_approval_reason(tool_input)
        if reason is not None:
            shown = show_text(conceal(reason, secret_texts))
            raise ApprovalRequired(f"A person must approve this call of {self.id}: {shown}")
        context = ToolContext(
            invocation.user_id, tool_input, invocation.services, invocation.state, invocation.output_file
        )
        try:
            return conceal(serialize_output(self.output, self.invoke(context)), secret_texts)
        except InvalidOutput as invalid:
            raise ToolFailed(f"{self.id} returned something that is not its output: {invalid}") from None
        except (Exception, SystemExit) as error:
            secrets = [*context.secrets.values(), *secret_texts]
            details = {**error.details, "code": error.code} if isinstance(error, PointsmanError) else None
            raise ToolFailed(safe_error_text(error, secrets), details=conceal(details, secret_texts)) from error


AnyTool = Tool[Any, Any]
