"""Names that resources carry at the providers (contract, Settings); the same instance always has the same name."""

__all__ = [
    "AGENT_PREFIX",
    "MOUNT_PATH",
    "POOL_MANAGER_SERVICE_NAME",
    "build_reference",
    "explain_unlisted_name",
    "parse_instance_id",
]

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


def explain_unlisted_name(instance_id: str, name: str) -> str | None:
    """Return the warning for a service name under which the fleet's listing does not show the instance; else None.

    The listing takes the instance's id from the name.
    """
    shown_id = parse_instance_id(name)
    if shown_id == instance_id:
        return None
    if shown_id is None:
        return (
            f"name: POST /status/batch does not list this instance, since its name does not begin with {AGENT_PREFIX}"
        )
    return (
        f"name: POST /status/batch lists this instance as {shown_id!r}, since its name is not"
        f" {build_reference(instance_id)}"
    )
