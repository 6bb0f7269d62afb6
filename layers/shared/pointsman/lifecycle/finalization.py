"""Finalization: ends an operation that did not end itself, with an error that names what is left."""

from ..db import instances, journal, operations
from ..db.connection import Connection
from ..db.operations import Operation
from ..db.step_attempts import StepAttempt
from ..providers.registry import TOOLS
from .operation_queries import find_entries_to_delete, find_failure_cause

__all__ = ["close_operation", "describe_leftover", "end_operation", "to_public_names"]


def close_operation(attempt: StepAttempt) -> dict[str, object]:
    """End the operation, if it is running, with the end of the attempt."""
    attempt.write_at_end(end_operation, attempt.operation.id, final_step=attempt.name)
    return {"closed": attempt.operation.status == "running"}


def end_operation(db: Connection, operation_id: str, *, final_step: str) -> None:
    """End a running operation: as `leaked` if open journal entries remain, else as `failed` or `succeeded`.

    Args:
        db: the connection of the transaction.
        operation_id: the operation.
        final_step: the step that ends it.
    """
    operation = operations.get(db, operation_id)
    if operation is None or operation.status != "running":
        return
    leftovers = [entry for entry in find_entries_to_delete(db, operation) if entry.kind != "domain"]
    _CLOSE_BY_KIND[operation.kind](db, operation, leftovers, final_step)


def _close_create_or_provision(
    db: Connection, operation: Operation, leftovers: list[journal.Entry], final_step: str
) -> None:
    error = find_failure_cause(db, operation.id)
    if leftovers:
        message = f"{error['message']}. Could not be undone yet: {', '.join(to_public_names(leftovers))}"
        error = {**error, "message": message, "left": to_public_names(leftovers)}
    operations.finish(db, operation.id, "leaked" if leftovers else "failed", final_step=final_step, error=error)


def _close_destroy(db: Connection, operation: Operation, leftovers: list[journal.Entry], final_step: str) -> None:
    instance_id = operation.instance_id
    leftover_names = {_to_public_name(entry) for entry in leftovers}
    requested_tools = set(operation.request["tools"])
    steps = {step.name: step for step in operations.list_steps(db, operation.id)}
    destroyed = {tool: tool in requested_tools and tool not in leftover_names for tool in TOOLS}
    # The service step also fails if a tool's deletion cannot be confirmed.
    are_volumes_deleted = "volumes" in steps and steps["volumes"].status == "succeeded"
    destroyed["volumes"] = are_volumes_deleted and "volumes" not in leftover_names
    destroyed["service"] = "service" in steps and "service" not in leftover_names
    result = {"instanceId": instance_id, "destroyed": destroyed}
    if leftovers or not (destroyed["volumes"] and destroyed["service"]):
        reasons = "; ".join(step.error for step in steps.values() if step.status == "failed" and step.error)
        instances.mark_destroy_failed(db, instance_id, [name for name in TOOLS if name in leftover_names])
        message = f"Not everything could be destroyed: {', '.join(to_public_names(leftovers)) or 'the service'} left"
        error = {"message": f"{message} ({reasons})" if reasons else message, "code": "DESTROY_INCOMPLETE"}
        operations.finish(db, operation.id, "leaked", final_step=final_step, result=result, error=error)
    else:
        instances.delete(db, instance_id)
        operations.finish(db, operation.id, "succeeded", final_step=final_step, result=result)


def _close_destroy_tool(db: Connection, operation: Operation, leftovers: list[journal.Entry], final_step: str) -> None:
    tool_id, resource_id = operation.request["tools"][0], operation.request["resourceId"]
    instances.mark_tool_destroy_failed(db, operation.instance_id, tool_id, resource_id)
    error = find_failure_cause(db, operation.id)
    error = {**error, "message": f"{tool_id} {resource_id} could not be deleted. {error['message']}"}
    result = {"toolId": tool_id, "resourceId": resource_id, "deleted": False}
    status = "leaked" if leftovers else "failed"
    operations.finish(db, operation.id, status, final_step=final_step, result=result, error=error)


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


def describe_leftover(entry: journal.Entry) -> dict[str, str]:
    """Describe an entry's resource for a client: `provider`, `kind`, and `id`, or a `reference` that finds it.

    A plan holds names and numbers only, no secret.
    """
    described = {"provider": entry.provider, "kind": _RESOURCE_NOUNS.get(entry.provider, entry.kind)}
    if entry.resource_id:
        return {**described, "id": entry.resource_id}
    reference = next((entry.plan[key] for key in _REFERENCES if entry.plan.get(key)), "")
    return {**described, "reference": reference} if reference else described


_RESOURCE_NOUNS = {"openrouter": "key", "agentmail": "inbox", "telnyx": "number"}
_REFERENCES = ("phone_number", "client_id", "name", "service_id")
"""Members of a plan that find its resource at the provider, the most exact first."""
