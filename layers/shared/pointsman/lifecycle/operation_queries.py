"""What is known of the steps of an operation, whatever they do."""

from ..db import connection, instances, journal, operations
from ..errors import OperationFailed

__all__ = ["BEST_EFFORT_STEPS", "find_entries_to_delete", "find_failure_cause", "require_operation"]

BEST_EFFORT_STEPS = ("volume", "domain")
"""Steps that an instance can do without: where their provider fails for good, the create goes on with a warning."""

_FINAL_STEPS = ("undo", "close")
"""Steps that end an operation, and say nothing of why it failed."""


def require_operation(operation_id: str) -> operations.Operation:
    """The operation that a task works for. Raises OperationFailed for an id that nobody knows."""
    operation = connection.run_in_transaction(operations.get, operation_id)
    if operation is None:
        raise OperationFailed(f"Operation {operation_id} is unknown")
    return operation


def find_failure_cause(db: connection.Connection, operation_id: str) -> dict[str, object]:
    """Why an operation failed: its first failed step, else one that never ended because its process did."""
    steps = [step for step in operations.list_steps(db, operation_id) if step.name not in _FINAL_STEPS]
    interrupted = [step.name for step in steps if step.status == "running"]
    # The meeting point fails because of the others, and the best-effort steps fail alone.
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


def find_entries_to_delete(db: connection.Connection, operation: operations.Operation) -> list[journal.Entry]:
    """The open entries that are to go when this operation fails, or that it is there to delete.

    Never what an instance that lives uses: of that only leftovers of the tool that the operation is about. It may live
    because a later operation made it.
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
