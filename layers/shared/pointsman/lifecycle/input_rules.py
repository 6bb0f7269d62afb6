"""Rules for what clients send: patterns of ids and names, and the checks that raise InvalidInput.

The patterns also stand in the OpenAPI document and in the models of the instances plugin.
"""

import re
from collections.abc import Mapping, Sequence

from ..errors import InvalidInput
from ..providers.registry import TOOLS
from .resource_names import POOL_MANAGER_SERVICE_NAME

__all__ = [
    "INSTANCE_ID_PATTERN",
    "MAX_SERVICE_NAME_LENGTH",
    "SERVICE_NAME_PATTERN",
    "VARIABLE_NAME_PATTERN",
    "unknown_tool_message",
    "validate_create",
    "validate_tool_id",
    "validate_variables",
]

INSTANCE_ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
"""An instance id: the characters that AgentMail's client ids allow and that a URL path takes unencoded."""

VARIABLE_NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
"""The name of an environment variable."""

MAX_SERVICE_NAME_LENGTH = 32
"""Railway's limit for the name of a service, in characters."""

_NAME_EDGE, _NAME_INNER = r"[^\s\x00-\x1f\x7f-\x9f]", r"[^\x00-\x1f\x7f-\x9f]"
SERVICE_NAME_PATTERN = re.compile(f"{_NAME_EDGE}(?:{_NAME_INNER}{{0,{MAX_SERVICE_NAME_LENGTH - 2}}}{_NAME_EDGE})?")
"""The name of a service: 1 to 32 characters, no control characters, no white space at its ends."""


def validate_create(instance_id: str, name: str, tools: Sequence[str]) -> None:
    """Check the input of a create. Raises InvalidInput with what to change."""
    if not instance_id or not name:
        raise InvalidInput("instanceId and name are required")
    if not INSTANCE_ID_PATTERN.fullmatch(instance_id):
        raise InvalidInput(
            "instanceId must be 1 to 128 characters of A-Z a-z 0-9 . _ ~ - and begin with a letter or a digit"
        )
    if not SERVICE_NAME_PATTERN.fullmatch(name) or not _is_encodable(name):
        raise InvalidInput(
            f"name must be 1 to {MAX_SERVICE_NAME_LENGTH} characters (Railway's limit) without control characters"
            " and without a space at its ends"
        )
    if name == POOL_MANAGER_SERVICE_NAME:
        raise InvalidInput(f"name may not be {POOL_MANAGER_SERVICE_NAME}: that service is no agent")
    for tool_id in tools:
        validate_tool_id(tool_id)


def validate_tool_id(tool_id: str) -> None:
    """Check that there is such a tool. Raises InvalidInput."""
    if tool_id not in TOOLS:
        raise InvalidInput(unknown_tool_message(tool_id))


def unknown_tool_message(tool_id: str) -> str:
    """Return the client's message for a tool id that does not exist; the id is cut off after 64 characters."""
    return f"Unknown tool {tool_id[:64]!r}: there are {', '.join(TOOLS)}"


def validate_variables(variables: Mapping[str, str]) -> None:
    """Check the environment variables for an instance. Raises InvalidInput, which holds no value."""
    if not variables:
        raise InvalidInput("variables must be an object with at least one variable")
    for name, value in variables.items():
        if not VARIABLE_NAME_PATTERN.fullmatch(name):
            raise InvalidInput(
                f"variables: {name[:64]!r} is no name of a variable: letters, digits and _ only, no digit first"
            )
        if "\0" in value or not _is_encodable(value):
            raise InvalidInput(f"variables.{name}: a value may hold any text but NUL and halves of surrogate pairs")


def _is_encodable(text: str) -> bool:
    """Return whether UTF-8 can encode the text: JSON can carry lone surrogates, which nothing else accepts."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
