"""The names of things made at providers (contract, Settings): the same instance always gives the same."""

import re

__all__ = ["AGENT_PREFIX", "INSTANCE_ID", "MAX_SERVICE_NAME", "POOL_MANAGER", "instance_of", "reference"]

AGENT_PREFIX = "convos-agent-"
POOL_MANAGER = "convos-agent-pool-manager"
"""A service of the project that is not an agent; nothing may take its name or list it."""

INSTANCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
"""What an instance id may be: AgentMail's client ids take no other characters, and URLs none that need encoding."""

MAX_SERVICE_NAME = 32
"""Railway's limit for the name of a service, in characters."""


def reference(instance_id: str) -> str:
    """The name that an instance's key, inbox and order carry."""
    return AGENT_PREFIX + instance_id


def instance_of(service_name: str) -> str | None:
    """The instance that a Railway service is, by its name; None for services that are none."""
    if not service_name.startswith(AGENT_PREFIX) or service_name == POOL_MANAGER:
        return None
    return service_name.removeprefix(AGENT_PREFIX)
