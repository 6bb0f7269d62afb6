"""The table `maintenance`: one row, which stops new prompts and creates while it is enabled; no row is disabled.

Whatever the switch stops reads it under a shared lock, which it holds until its transaction ends. The switch takes the
lock alone. So it waits for what has already read it, and what begins later sees the new state.
"""

from dataclasses import dataclass
from datetime import datetime

from ..actor import get_actor
from ..errors import UnderMaintenance
from . import audit_log, locks
from .connection import Connection
from .rows import fetch_one

__all__ = ["MaintenanceState", "get", "require_disabled", "switch"]


@dataclass(frozen=True, slots=True)
class MaintenanceState:
    """The state of the switch. `message` is the operator's; `changed_at` and `changed_by` are None if it never was."""

    is_enabled: bool
    message: str | None
    changed_at: datetime | None
    changed_by: str | None


_NEVER_SWITCHED = MaintenanceState(False, None, None, None)


def get(connection: Connection) -> MaintenanceState:
    """Return the present state."""
    query = "SELECT is_enabled, message, changed_at, changed_by FROM maintenance"
    return fetch_one(connection, MaintenanceState, query) or _NEVER_SWITCHED


def require_disabled(connection: Connection) -> None:
    """Hold the switch back until the transaction ends; what the transaction inserts is then before it.

    Raises:
        UnderMaintenance: it is enabled. The message is the operator's.
    """
    with connection.pipeline():
        locks.lock_maintenance_shared(connection)
        state = get(connection)
    if state.is_enabled:
        suffix = f": {state.message}" if state.message else ""
        raise UnderMaintenance(f"New prompts and instances are not accepted during maintenance{suffix}")


def switch(connection: Connection, is_enabled: bool, message: str | None) -> MaintenanceState:
    """Switch it for the current actor, and return the new state.

    The same state again changes nothing, not even who changed it when.

    Waits for the transactions that have read the switch.
    """
    locks.lock_maintenance(connection)
    cursor = connection.execute(
        "INSERT INTO maintenance AS old (is_enabled, message, changed_by) VALUES (%s, %s, %s)"
        " ON CONFLICT (is_only_row) DO UPDATE SET is_enabled = EXCLUDED.is_enabled, message = EXCLUDED.message,"
        "  changed_at = EXCLUDED.changed_at, changed_by = EXCLUDED.changed_by"
        "  WHERE (old.is_enabled, old.message) IS DISTINCT FROM (EXCLUDED.is_enabled, EXCLUDED.message)",
        (is_enabled, message, get_actor().id),
    )
    if cursor.rowcount:
        details = {"message": message} if message else {}
        audit_log.record(
            connection,
            "maintenance.on" if is_enabled else "maintenance.off",
            "fleet",
            "all",
            "succeeded",
            details=details,
        )
    return get(connection)
