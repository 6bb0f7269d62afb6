"""Ends of operations: undoing a create that failed, the steps of a destroy, and the answer that stays."""

from ..db import connection, instances, journal, operations
from ..errors import OperationFailed, PointsmanError, ProviderUnavailable
from ..providers.registry import TOOLS
from . import removal
from .create import BEST_EFFORT

__all__ = ["close", "destroy_service", "destroy_tool", "destroy_volumes", "undo_create"]

Result = dict[str, object]
run = connection.run

_ENDINGS = ("undo", "close")
"""Steps that end an operation, and say nothing of why it failed."""


def undo_create(operation_id: str) -> Result:
    """Delete all that this create has made or may have made, then end it as `failed`.

    Raises the failure of a deletion that may still succeed, so that the state machine calls again.
    """
    operation = run(lambda db: operations.refuse_new_work(db, operation_id))
    if operation is None:
        return {"undone": False}
    entries = run(lambda db: journal.open_entries(db, operation.instance_id))
    if failures := removal.remove_all(operation_id, entries):
        raise _worst(failures)
    error = run(lambda db: _cause(db, operation_id))
    run(lambda db: operations.finish(db, operation_id, "failed", by_step="undo", error=error))
    return {"undone": True}


def destroy_tool(operation_id: str, tool_id: str) -> Result:
    """Delete one tool's resource."""
    return _destroy(operation_id, "tool", tool_id)


def destroy_volumes(operation_id: str) -> Result:
    """Delete the volumes, while the service still tells which they are."""
    operation = _operation(operation_id)
    for entry in run(lambda db: journal.open_entries(db, operation.instance_id)):
        if entry.kind == "service" and entry.resource_id:
            removal.remove_volumes(entry.resource_id)
    return _destroy(operation_id, "volume", "railway")


def destroy_service(operation_id: str) -> Result:
    """Delete the service, and its domain with it."""
    _destroy(operation_id, "service", "railway")
    return _destroy(operation_id, "domain", "railway")


def _destroy(operation_id: str, kind: str, provider: str) -> Result:
    operation = _operation(operation_id)
    entries = run(lambda db: journal.open_entries(db, operation.instance_id))
    if failures := removal.remove_all(operation_id, [e for e in entries if (e.kind, e.provider) == (kind, provider)]):
        raise _worst(failures)
    return {"destroyed": True}


def close(operation_id: str) -> Result:
    """End an operation by what the journal says: `leaked` while something is left, with the answer that tells what."""

    def end(db: connection.Connection) -> Result:
        operation = operations.get(db, operation_id)
        if operation is None or operation.status != "running":
            return {"closed": False}
        left = [entry for entry in journal.open_entries(db, operation.instance_id) if entry.kind != "domain"]
        if operation.kind == "create":
            _close_create(db, operation, left)
        else:
            _close_destroy(db, operation, left)
        return {"closed": True}

    return run(end)


def _close_create(db: connection.Connection, operation: operations.Operation, left: list[journal.Entry]) -> None:
    error = _cause(db, operation.id)
    if left:
        error["message"] += f". Could not be undone yet: {_names(left)}"
        error["left"] = [_name(entry) for entry in left]
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
        message = f"Not everything could be destroyed: {_names(left) or 'the service'} left"
        error = {"message": f"{message} ({reasons})" if reasons else message, "code": "DESTROY_INCOMPLETE"}
        operations.finish(db, operation.id, "leaked", by_step="close", result=result, error=error)
    else:
        instances.delete(db, instance_id)
        operations.finish(db, operation.id, "succeeded", by_step="close", result=result)


def _cause(db: connection.Connection, operation_id: str) -> dict[str, object]:
    """Why a create failed: its first failed step, else one that never ended because its process did."""
    steps = [step for step in operations.steps(db, operation_id) if step.name not in _ENDINGS]
    cut_off = [step.name for step in steps if step.status == "running"]
    # The meeting point fails because of the others, and the best-effort steps fail alone.
    failed = [step for step in steps if step.status == "failed"]
    failed = [step for step in failed if step.name not in ("deploy", *BEST_EFFORT)] or failed
    if cut_off:
        message = f"Step {', '.join(cut_off)} failed: {operations.CUT_OFF}"
    elif failed:
        first = min(failed, key=lambda step: step.ended_at or step.started_at)
        message = f"Step {first.name} failed: {first.error}"
    else:
        message = "The operation broke off between two steps"
    return {"message": message, "code": "OPERATION_FAILED"}


def _worst(failures: list[PointsmanError]) -> PointsmanError:
    """What a step reports of several failures: one that may pass, so that all are tried again."""
    message = "; ".join(failure.message for failure in failures)
    return ProviderUnavailable("undo", "delete", message) if len(failures) > 1 else failures[0]


def _operation(operation_id: str) -> operations.Operation:
    operation = run(lambda db: operations.get(db, operation_id))
    if operation is None:
        raise OperationFailed(f"Operation {operation_id} is unknown")
    return operation


def _name(entry: journal.Entry) -> str:
    return entry.provider if entry.kind == "tool" else "volumes" if entry.kind == "volume" else entry.kind


def _names(entries: list[journal.Entry]) -> str:
    return ", ".join(sorted({_name(entry) for entry in entries}))
