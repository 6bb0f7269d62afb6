"""The advisory locks of Postgres: all keys, and who takes them.

Every lock belongs to its transaction and is released when that ends. Locks of one transaction are taken in the order of
this module, so that two transactions cannot wait for each other. The keys are hashed to 64 bits; two texts with one
hash would only make transactions wait that need not.
"""

from collections.abc import Iterable
from typing import Any

import psycopg

from .connection import Connection

__all__ = [
    "lock_destroys",
    "lock_fleet_limits",
    "lock_instance",
    "lock_maintenance",
    "lock_maintenance_shared",
    "lock_migration",
    "lock_orphan_sweep",
    "lock_prompts",
    "lock_prompts_of_user",
    "lock_service_name",
    "lock_status_poll",
    "lock_webhooks",
    "try_lock_out_operations",
]

_MIGRATION_KEY = "pointsman:migrate"
_INSTANCE_KEY_PREFIX = "instance:"
_SERVICE_NAME_KEY_PREFIX = "name:"
_FLEET_LIMITS_KEY = "fleet:limits"
_DESTROYS_KEY_PREFIX = "destroys:"
_ORPHAN_SWEEP_KEY = "orphans:sweep"
_STATUS_POLL_KEY = "fleet:poll"
_MAINTENANCE_KEY = "maintenance"
_PROMPTS_OF_USER_KEY_PREFIX = "prompts:"
_PROMPTS_KEY = "prompts"
_WEBHOOKS_KEY_PREFIX = "webhooks:"


def lock_migration(connection: psycopg.Connection[Any]) -> None:
    """Wait until no other migration runs, and let none begin until the transaction ends."""
    _lock(connection, _MIGRATION_KEY)


def lock_instance(connection: Connection, instance_id: str) -> None:
    """Wait for other requests about this instance, and hold new ones back until the transaction ends."""
    _lock(connection, _INSTANCE_KEY_PREFIX + instance_id)


def lock_service_name(connection: Connection, name: str) -> None:
    """Wait for other requests for this name of a service, and hold new ones back until the transaction ends."""
    _lock(connection, _SERVICE_NAME_KEY_PREFIX + name)


def lock_fleet_limits(connection: Connection) -> None:
    """Wait for other creates and provisions that are checked, and hold new ones back until the transaction ends."""
    _lock(connection, _FLEET_LIMITS_KEY)


def lock_destroys(connection: Connection, kind: str, caller: str) -> None:
    """Wait for other destroys of this caller that are checked, and hold new ones back until the transaction ends."""
    _lock(connection, f"{_DESTROYS_KEY_PREFIX}{kind}:{caller}")


def lock_orphan_sweep(connection: Connection) -> None:
    """Wait until no other sweep writes what it has seen and decided, and let none until the transaction ends."""
    _lock(connection, _ORPHAN_SWEEP_KEY)


def lock_status_poll(connection: Connection) -> None:
    """Wait until no other poll updates the fleet, and let none until the transaction ends.

    Two polls that update the same rows in different orders would deadlock.
    """
    _lock(connection, _STATUS_POLL_KEY)


def lock_maintenance(connection: Connection) -> None:
    """Wait for what has read the maintenance switch, and hold back what reads it until the transaction ends."""
    _lock(connection, _MAINTENANCE_KEY)


def lock_maintenance_shared(connection: Connection) -> None:
    """Let nobody switch maintenance until the transaction ends. Others may read the switch, too."""
    _lock_shared(connection, _MAINTENANCE_KEY)


def lock_prompts_of_user(connection: Connection, user_id: str) -> None:
    """Let nobody else count the user's prompts until the transaction ends."""
    _lock(connection, _PROMPTS_OF_USER_KEY_PREFIX + user_id)


def lock_prompts(connection: Connection) -> None:
    """Let nobody else count all users' prompts until the transaction ends."""
    _lock(connection, _PROMPTS_KEY)


def lock_webhooks(connection: Connection, owner: str) -> None:
    """Let nobody else register a webhook of this owner until the transaction ends."""
    _lock(connection, _WEBHOOKS_KEY_PREFIX + owner)


def try_lock_out_operations(connection: Connection, instance_ids: Iterable[str], name: str) -> bool:
    """Let no operation begin on these instances, or create a service of this name, until the transaction ends.

    Must be the first statement of its transaction.

    Returns:
        False while a migration runs: it may be writing rows of instances.
    """
    # What others commit while a lock is waited for must be visible afterwards, whatever the role's default level is.
    connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    row = connection.execute(
        "SELECT pg_try_advisory_xact_lock_shared(hashtextextended(%s, 0)) AS locked", (_MIGRATION_KEY,)
    ).fetchone()
    for instance_id in sorted(instance_ids):
        lock_instance(connection, instance_id)
    lock_service_name(connection, name)
    return row is not None and row["locked"]


def _lock(connection: psycopg.Connection[Any], key: str) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))


def _lock_shared(connection: psycopg.Connection[Any], key: str) -> None:
    connection.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", (key,))
