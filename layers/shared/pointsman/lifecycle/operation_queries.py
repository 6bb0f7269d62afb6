"""Queries about an operation that several steps and the reconciler share."""

from ..db import instances, journal, operations
from ..db.connection import Connection
from ..db.operations import Operation
from ..errors import Conflict, NotFound

__all__ = [
    "BEST_EFFORT_STEPS",
    "find_entries_to_delete",
    "find_failure_cause",
    "find_recordable",
    "get_or_raise",
    "is_recordable",
]

BEST_EFFORT_STEPS = ("volume", "domain")
"""Steps that an instance can do without: their permanent failure becomes a warning of the create."""

_FINAL_STEPS = ("undo", "close")
"""Steps that end an operation; they are no cause of its failure."""


def get_or_raise(db: Connection, operation_id: str) -> Operation:
    """Read the operation that a client names. Raises NotFound if there is none."""
    operation = operations.get(db, operation_id)
    if operation is None:
        raise NotFound(f"Operation {operation_id} not found")
    return operation


def find_recordable(db: Connection, operation_id: str) -> Operation | None:
    """Return the operation whose result is to be recorded; None if an earlier attempt has recorded it.

    Raises:
        Conflict: the operation has ended otherwise or is being compensated, so nothing may be recorded.
    """
    operation = operations.get(db, operation_id)
    return operation if operation and is_recordable(operation) else None


def is_recordable(operation: Operation) -> bool:
    """Whether the operation's result is to be recorded; False if an earlier attempt has recorded it.

    Raises:
        Conflict: the operation has ended otherwise or is being compensated, so nothing may be recorded.
    """
    if operation.status == "succeeded":
        return False
    if operation.status != "running" or operation.undoing:
        raise Conflict(f"Operation {operation.id} is over or being undone; nothing is recorded")
    return True


def find_failure_cause(db: Connection, operation_id: str) -> dict[str, object]:
    """Find why an operation failed: its interrupted steps, else its first failed step.

    Returns:
        The client's error: `message` and `code`.
    """
    steps = [step for step in operations.list_steps(db, operation_id) if step.name not in _FINAL_STEPS]
    interrupted = [step.name for step in steps if step.status == "running"]
    # The deploy step fails because another one did, and a best-effort step fails no operation.
    failed = [step for step in steps if step.status == "failed"]
    failed = [step for step in failed if step.name not in ("deploy", *BEST_EFFORT_STEPS)] or failed
    if interrupted:
        message = f"Step {', '.join(interrupted)} failed: {operations.INTERRUPTED_STEP_ERROR}"
    elif failed:
        first = min(failed, key=lambda step: step.ended_at or step.started_at)
        message = f"Step {first.name} failed: {first.error}"
    else:
        message = "The operation broke off between two steps"
    return {"message": message, "code": "OPERATION_FAILED"}


def find_entries_to_delete(db: Connection, operation: Operation) -> list[journal.Entry]:
    """Find the open journal entries that a failed operation compensates, or that a destroy has to delete.

    Resources that a living instance uses are never among them. An instance may live although its create failed: a later
    create of the same id may have succeeded.
    """
    entries = journal.list_open_entries(db, operation.instance_id)
    if operation.kind == "provision":
        live_resources = {(tool.tool_id, tool.resource_id) for tool in instances.list_tools(db, operation.instance_id)}
        candidates = [
            entry for entry in entries if entry.kind == "tool" and entry.provider in operation.request["tools"]
        ]
        return [entry for entry in candidates if (entry.provider, entry.resource_id) not in live_resources]
    if operation.kind == "destroy_tool":
        return [
            entry
            for entry in entries
            if entry.provider in operation.request["tools"] and entry.resource_id == operation.request["resourceId"]
        ]
    newest = operations.find_latest(db, operation.instance_id, ("create", "destroy"))
    return entries if newest is not None and newest.id == operation.id else []
