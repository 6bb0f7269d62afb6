"""Names that resources carry at the providers (contract, Settings); the same instance always has the same name."""

__all__ = ["AGENT_PREFIX", "MOUNT_PATH", "POOL_MANAGER_SERVICE_NAME", "build_reference", "parse_instance_id"]

AGENT_PREFIX = "convos-agent-"
"""The prefix of the names that this bundle gives to keys, inboxes and number orders, and of agents' service names."""

POOL_MANAGER_SERVICE_NAME = "convos-agent-pool-manager"
"""A service of the project that is not an agent. No instance may have its name, and no inventory lists it."""

MOUNT_PATH = "/data"
"""Where an instance's volume is mounted."""


def build_reference(instance_id: str) -> str:
    """Return the name that an instance's key, inbox and number order carry."""
    return AGENT_PREFIX + instance_id


def parse_instance_id(name: str) -> str | None:
    """Return the instance id in a resource's name; None if the name is not an agent's."""
    if not name.startswith(AGENT_PREFIX) or name == POOL_MANAGER_SERVICE_NAME:
        return None
    return name.removeprefix(AGENT_PREFIX)
