"""Finalization: ends an operation that did not end itself, with an error that names what is left."""

from ..db import instances, journal, operations
from ..db.connection import Connection, run_in_transaction
from ..db.operations import Operation
from ..providers.registry import TOOLS
from .operation_queries import find_entries_to_delete, find_failure_cause

__all__ = ["close_operation", "to_public_names"]


def close_operation(operation_id: str) -> dict[str, object]:
    """End a running operation: as `leaked` if open journal entries remain, else as `failed` or `succeeded`.

    Returns:
        `closed`: whether the operation was still running.
    """

    def end_operation(db: Connection) -> dict[str, object]:
        operation = operations.get(db, operation_id)
        if operation is None or operation.status != "running":
            return {"closed": False}
        leftovers = [entry for entry in find_entries_to_delete(db, operation) if entry.kind != "domain"]
        _CLOSE_BY_KIND[operation.kind](db, operation, leftovers)
        return {"closed": True}

    return run_in_transaction(end_operation)


def _close_create_or_provision(db: Connection, operation: Operation, leftovers: list[journal.Entry]) -> None:
    error = find_failure_cause(db, operation.id)
    if leftovers:
        message = f"{error['message']}. Could not be undone yet: {', '.join(to_public_names(leftovers))}"
        error = {**error, "message": message, "left": to_public_names(leftovers)}
    operations.finish(db, operation.id, "leaked" if leftovers else "failed", final_step="close", error=error)


def _close_destroy(db: Connection, operation: Operation, leftovers: list[journal.Entry]) -> None:
    instance_id = operation.instance_id
    leftover_names = {_to_public_name(entry) for entry in leftovers}
    requested_tools = set(operation.request["tools"])
    steps = {step.name: step for step in operations.list_steps(db, operation.id)}
    destroyed = {tool: tool in requested_tools and tool not in leftover_names for tool in TOOLS}
    for name in ("volumes", "service"):
        destroyed[name] = name in steps and steps[name].status == "succeeded" and name not in leftover_names
    result = {"instanceId": instance_id, "destroyed": destroyed}
    if leftovers or not (destroyed["volumes"] and destroyed["service"]):
        reasons = "; ".join(step.error for step in steps.values() if step.status == "failed" and step.error)
        instances.mark_destroy_failed(db, instance_id, [name for name in TOOLS if name in leftover_names])
        message = f"Not everything could be destroyed: {', '.join(to_public_names(leftovers)) or 'the service'} left"
        error = {"message": f"{message} ({reasons})" if reasons else message, "code": "DESTROY_INCOMPLETE"}
        operations.finish(db, operation.id, "leaked", final_step="close", result=result, error=error)
    else:
        instances.delete(db, instance_id)
        operations.finish(db, operation.id, "succeeded", final_step="close", result=result)


def _close_destroy_tool(db: Connection, operation: Operation, leftovers: list[journal.Entry]) -> None:
    tool_id, resource_id = operation.request["tools"][0], operation.request["resourceId"]
    instances.mark_tool_destroy_failed(db, operation.instance_id, tool_id, resource_id)
    error = find_failure_cause(db, operation.id)
    error = {**error, "message": f"{tool_id} {resource_id} could not be deleted. {error['message']}"}
    result = {"toolId": tool_id, "resourceId": resource_id, "deleted": False}
    status = "leaked" if leftovers else "failed"
    operations.finish(db, operation.id, status, final_step="close", result=result, error=error)


_CLOSE_BY_KIND = {
    "create": _close_create_or_provision,
    "provision": _close_create_or_provision,
    "destroy": _close_destroy,
    "destroy_tool": _close_destroy_tool,
}


def _to_public_name(entry: journal.Entry) -> str:
    return entry.provider if entry.kind == "tool" else "volumes" if entry.kind == "volume" else entry.kind


def to_public_names(entries: list[journal.Entry]) -> list[str]:
    """Return how responses name the entries' resources: tool ids, `volumes`, `domain`, `service`."""
    return sorted({_to_public_name(entry) for entry in entries})
