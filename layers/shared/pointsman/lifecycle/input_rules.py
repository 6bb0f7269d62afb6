"""Rules for what clients send: patterns of ids and names, and the checks that raise InvalidInput.

The patterns also stand in the OpenAPI document and in the models of the instances plugin.
"""

import re
from collections.abc import Mapping, Sequence

from ..errors import InvalidInput
from ..providers.registry import TOOLS
from .resource_names import POOL_MANAGER_SERVICE_NAME

__all__ = [
    "EXISTING_ID_PATTERN",
    "INSTANCE_ID_PATTERN",
    "MAX_INSTANCE_IDS",
    "MAX_SERVICE_NAME_LENGTH",
    "MAX_TOOLS",
    "MAX_VARIABLES",
    "MAX_VARIABLES_BYTES",
    "MAX_VARIABLE_BYTES",
    "SERVICE_NAME_PATTERN",
    "VARIABLE_NAME_PATTERN",
    "find_size_problem",
    "unknown_tool_message",
    "validate_create",
    "validate_instance_ids",
    "validate_tool_id",
    "validate_variables",
]

INSTANCE_ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
"""An instance id: the characters that AgentMail's client ids allow and that a URL path takes unencoded."""

EXISTING_ID_PATTERN = r"[^\x00-\x1f\x7f-\x9f]{1,256}"
"""The id of an instance that any program may have created."""

MAX_TOOLS = 20
"""The most ids in a list of tools; it is a set, so more are repetitions."""

MAX_INSTANCE_IDS = 10_000
"""The most ids of a request for the status of instances."""

MAX_VARIABLES = 200
"""The most variables of one request to configure an instance."""

MAX_VARIABLE_BYTES = 65_536
"""Of a variable's value, in UTF-8. Linux takes 131,072 for a name and a value together (execve, MAX_ARG_STRLEN)."""

MAX_VARIABLES_BYTES = 262_144
"""Of all names and values of one request."""

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
    if len(tools) > MAX_TOOLS:
        raise InvalidInput(f"tools may hold at most {MAX_TOOLS} ids, not {len(tools)}")
    for tool_id in tools:
        validate_tool_id(tool_id)


def validate_instance_ids(instance_ids: Sequence[str]) -> None:
    """Check the ids of a request for the status of instances. Raises InvalidInput."""
    if len(instance_ids) > MAX_INSTANCE_IDS:
        raise InvalidInput(f"instanceIds may hold at most {MAX_INSTANCE_IDS} ids, not {len(instance_ids)}")


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
    if problem := find_size_problem(variables):
        raise InvalidInput(problem)
    for name, value in variables.items():
        if not VARIABLE_NAME_PATTERN.fullmatch(name):
            raise InvalidInput(
                f"variables: {name[:64]!r} is no name of a variable: letters, digits and _ only, no digit first"
            )
        if "\0" in value or not _is_encodable(value):
            raise InvalidInput(f"variables.{name}: a value may hold any text but NUL and halves of surrogate pairs")


def find_size_problem(variables: Mapping[str, str]) -> str | None:
    """Return what is too much of these variables, without a value; None if nothing is."""
    if len(variables) > MAX_VARIABLES:
        return f"variables may hold at most {MAX_VARIABLES} variables, not {len(variables)}"
    total = 0
    for name, value in variables.items():
        size = len(value.encode(errors="surrogatepass"))
        total += len(name.encode(errors="surrogatepass")) + size
        if size > MAX_VARIABLE_BYTES:
            return f"variables.{name[:64]}: a value may have at most {MAX_VARIABLE_BYTES} bytes, not {size}"
    if total > MAX_VARIABLES_BYTES:
        return f"variables may have at most {MAX_VARIABLES_BYTES} bytes of names and values, not {total}"
    return None


def _is_encodable(text: str) -> bool:
    """Return whether UTF-8 can encode the text: JSON can carry lone surrogates, which nothing else accepts."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
