"""The end of an operation that could not do all it was for: what is left, and the answer that tells so."""

from ..db import connection, instances, journal, operations
from ..providers.registry import TOOLS
from .steps import cause, unwanted

__all__ = ["close", "names"]

Result = dict[str, object]


def close(operation_id: str) -> Result:
    """End an operation by what the journal says: `leaked` while something is left, with the answer that tells what."""

    def end(db: connection.Connection) -> Result:
        operation = operations.get(db, operation_id)
        if operation is None or operation.status != "running":
            return {"closed": False}
        left = [entry for entry in unwanted(db, operation) if entry.kind != "domain"]
        _CLOSE[operation.kind](db, operation, left)
        return {"closed": True}

    return connection.run(end)


def _close_making(db: connection.Connection, operation: operations.Operation, left: list[journal.Entry]) -> None:
    error = cause(db, operation.id)
    if left:
        message = f"{error['message']}. Could not be undone yet: {', '.join(names(left))}"
        error = {**error, "message": message, "left": names(left)}
    operations.finish(db, operation.id, "leaked" if left else "failed", by_step="close", error=error)


def _close_destroy(db: connection.Connection, operation: operations.Operation, left: list[journal.Entry]) -> None:
    instance_id = operation.instance_id
    left_names = {_name(entry) for entry in left}
    had = set(operation.request["tools"])
    steps = {step.name: step for step in operations.steps(db, operation.id)}
    destroyed = {tool: tool in had and tool not in left_names for tool in TOOLS}
    for name in ("volumes", "service"):
        destroyed[name] = name in steps and steps[name].status == "succeeded" and name not in left_names
    result = {"instanceId": instance_id, "destroyed": destroyed}
    if left or not (destroyed["volumes"] and destroyed["service"]):
        reasons = "; ".join(step.error for step in steps.values() if step.status == "failed" and step.error)
        instances.mark(db, instance_id, [name for name in TOOLS if name in left_names])
        message = f"Not everything could be destroyed: {', '.join(names(left)) or 'the service'} left"
        error = {"message": f"{message} ({reasons})" if reasons else message, "code": "DESTROY_INCOMPLETE"}
        operations.finish(db, operation.id, "leaked", by_step="close", result=result, error=error)
    else:
        instances.delete(db, instance_id)
        operations.finish(db, operation.id, "succeeded", by_step="close", result=result)


def _close_destroy_tool(db: connection.Connection, operation: operations.Operation, left: list[journal.Entry]) -> None:
    tool_id, resource_id = operation.request["tools"][0], operation.request["resourceId"]
    instances.mark_tool(db, operation.instance_id, tool_id, resource_id)
    error = cause(db, operation.id)
    error = {**error, "message": f"{tool_id} {resource_id} could not be deleted. {error['message']}"}
    result = {"toolId": tool_id, "resourceId": resource_id, "deleted": False}
    status = "leaked" if left else "failed"
    operations.finish(db, operation.id, status, by_step="close", result=result, error=error)


_CLOSE = {
    "create": _close_making,
    "provision": _close_making,
    "destroy": _close_destroy,
    "destroy_tool": _close_destroy_tool,
}


def _name(entry: journal.Entry) -> str:
    return entry.provider if entry.kind == "tool" else "volumes" if entry.kind == "volume" else entry.kind


def names(entries: list[journal.Entry]) -> list[str]:
    """What entries are of, as clients are told it: tools by their ids, `volumes`, `domain`, `service`."""
    return sorted({_name(entry) for entry in entries})
