"""The names of things made at providers (contract, Settings): the same instance always gives the same."""

import re

from ..providers.registry import TOOLS

__all__ = [
    "AGENT_PREFIX",
    "INSTANCE_ID_PATTERN",
    "MAX_SERVICE_NAME_LENGTH",
    "POOL_MANAGER_SERVICE_NAME",
    "SERVICE_NAME_PATTERN",
    "VARIABLE_NAME_PATTERN",
    "build_reference",
    "is_encodable",
    "parse_instance_id",
    "unknown_tool_message",
]

AGENT_PREFIX = "convos-agent-"
POOL_MANAGER_SERVICE_NAME = "convos-agent-pool-manager"
"""A service of the project that is not an agent; nothing may take its name or list it."""

INSTANCE_ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
"""What an instance id may be: AgentMail's client ids take no other characters, and URLs none that need encoding."""

VARIABLE_NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
"""What the name of an environment variable may be."""

SERVICE_NAME_PATTERN = re.compile(r"[^\s\x00-\x1f\x7f-\x9f](?:[^\x00-\x1f\x7f-\x9f]{0,30}[^\s\x00-\x1f\x7f-\x9f])?")
"""What a service may be called: 1 to 32 characters, no control characters, no space at its ends."""

MAX_SERVICE_NAME_LENGTH = 32
"""Railway's limit for the name of a service, in characters."""


def is_encodable(text: str) -> bool:
    """Whether it can be written as UTF-8: JSON can hold halves of surrogate pairs, nothing else can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def build_reference(instance_id: str) -> str:
    """The name that an instance's key, inbox and order carry."""
    return AGENT_PREFIX + instance_id


def parse_instance_id(service_name: str) -> str | None:
    """The instance that a Railway service is, by its name; None for services that are none."""
    if not service_name.startswith(AGENT_PREFIX) or service_name == POOL_MANAGER_SERVICE_NAME:
        return None
    return service_name.removeprefix(AGENT_PREFIX)


def unknown_tool_message(tool_id: str) -> str:
    """What to tell who asks for a tool that is not there."""
    return f"Unknown tool {tool_id[:64]!r}: there are {', '.join(TOOLS)}"
