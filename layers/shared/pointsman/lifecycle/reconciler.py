"""Going on with what nobody works on any more: operations that stalled, and what others could not undo."""

from collections.abc import Mapping

from .. import log
from ..db import instances, journal, locks, operations
from ..db.connection import Connection, run_in_transaction
from ..errors import Conflict, InstanceBusy, NotFound, PointsmanError
from ..metrics import emit_metrics
from ..settings.aws import load_state_machine_arn
from ..settings.operations import ReconcileSettings
from ..workflows.step_functions import get_execution_status
from . import operation_executions
from .finalization import to_public_names
from .operation_queries import find_entries_to_delete
from .operation_results import get_operation_and_steps

__all__ = ["abandon_leaked", "reconcile", "retry_leaked"]

_MAX_DOUBLINGS = 6
"""The pause before a leaked operation is tried again doubles so many times."""

_MAX_STARTS = 50
"""Executions that one run starts at most."""

Operation = operations.Operation


def reconcile(event: Mapping[str, object]) -> dict[str, object]:
    """Go on with operations, then look for what nobody knows; with `dry` in the event only return what it would do."""
    # Loaded here: a retry and an abandon by hand need no provider.
    from .orphan_sweep import sweep_orphans

    dry_run = event.get("dry") is True
    return {"operations": resume_operations(dry_run), "orphans": sweep_orphans(dry_run)}


def resume_operations(dry_run: bool) -> dict[str, str]:
    """Start again what stalled, and try again to delete what was left; returns what was done, by operation id.

    An operation that fails here is logged, and the others are gone on with.
    """
    settings = ReconcileSettings.load()
    actions: dict[str, str] = {}
    unsettled = run_in_transaction(operations.list_unsettled)
    emit_metrics({"OperationsLeaked": sum(operation.status == "leaked" for operation, _ in unsettled)})
    for operation, idle_seconds in unsettled:
        if len(actions) >= _MAX_STARTS:
            break
        pause = settings.stalled_after
        if operation.status == "leaked":
            pause *= 2 ** min(operation.restarts, _MAX_DOUBLINGS)
        if idle_seconds < pause:
            continue
        try:
            action = (
                _resume_stalled(operation, dry_run)
                if operation.status == "running"
                else _retry_or_settle_leaked(operation, dry_run)
            )
        except PointsmanError as error:
            log.write("error", "operation cannot be gone on with", operation_id=operation.id, reason=error.message)
            action = "failed"
        if action:
            actions[operation.id] = action
            log.write("warning", "operation gone on with", operation_id=operation.id, kind=operation.kind, what=action)
    return actions


def _resume_stalled(operation: Operation, dry_run: bool) -> str | None:
    status = get_execution_status(
        load_state_machine_arn(operation.kind), operation_executions.execution_name(operation)
    )
    if status == "RUNNING":
        return None
    if dry_run:
        return "would start"
    if status is None:
        # It was never started, or the machine has lost it: its name is free.
        operation_executions.start_operation(operation)
        return "started"
    restarted = run_in_transaction(operations.restart, operation)
    if restarted is None:
        return None
    operation_executions.start_operation(restarted)
    return "restarted"


def _retry_or_settle_leaked(operation: Operation, dry_run: bool) -> str | None:
    if dry_run:
        return "would restart" if run_in_transaction(find_entries_to_delete, operation) else "would settle"
    reopened = run_in_transaction(_reopen_or_settle, operation)
    if reopened is None:
        return None
    if reopened.status != "running":
        return "settled"
    operation_executions.start_operation(reopened)
    return "restarted"


def _reopen_or_settle(db: Connection, leaked: Operation) -> Operation | None:
    """The leaked operation as it is from now on: running again, or failed if nothing of it is left.

    None while another operation works on the instance, or if somebody else was first.
    """
    locks.lock_instance(db, leaked.instance_id)
    if operations.find_running(db, leaked.instance_id):
        return None
    if not _has_leftovers(db, leaked):
        operations.settle_leaked(db, leaked.id, {**(leaked.error or {}), "left": list[str]()})
        return operations.get(db, leaked.id)
    return operations.restart(db, leaked)


def _has_leftovers(db: Connection, operation: Operation) -> bool:
    if find_entries_to_delete(db, operation):
        return True
    newest = operations.find_latest(db, operation.instance_id, ("create", "destroy"))
    is_newest = newest is not None and newest.id == operation.id
    # A destroy may have closed its last entry and died before it deleted the rows.
    return operation.kind == "destroy" and is_newest and instances.exists(db, operation.instance_id)


def retry_leaked(operation_id: str) -> Operation:
    """Let a leaked operation run again now.

    Raises NotFound, Conflict for one that is not leaked, Busy while another one works on the instance.
    """
    operation = get_operation_and_steps(operation_id)[0]
    if operation.status == "running":
        return operation
    if operation.status != "leaked":
        raise Conflict(f"Operation {operation_id} has {operation.status}: there is nothing to retry")
    reopened = run_in_transaction(_reopen_or_settle, operation)
    if reopened is None:
        other = run_in_transaction(operations.find_running, operation.instance_id)
        if other is not None and other.id != operation_id:
            raise InstanceBusy(f"Instance {operation.instance_id} is busy: its {other.kind} has to end first", other.id)
        return get_operation_and_steps(operation_id)[0]
    if reopened.status == "running":
        operation_executions.start_operation(reopened)
    return reopened


def abandon_leaked(operation_id: str) -> Operation:
    """Give up what a leaked operation could not delete: from now on it is nobody's, and the instance's id is free.

    Raises NotFound, and Conflict for one that is not leaked.
    """

    def abandon_leftovers(db: Connection) -> Operation:
        operation = operations.get(db, operation_id)
        if operation is None:
            raise NotFound(f"Operation {operation_id} not found")
        locks.lock_instance(db, operation.instance_id)
        operation = operations.get(db, operation_id)
        assert operation is not None
        if operation.status != "leaked":
            raise Conflict(f"Operation {operation_id} is {operation.status}: only a leaked one can be given up")
        leftovers = find_entries_to_delete(db, operation)
        descriptions = [f"{entry.provider} {entry.kind} {entry.resource_id or entry.plan}" for entry in leftovers]
        for entry in leftovers:
            journal.record_abandoned(db, entry, operation_id)
        if operation.kind == "destroy":
            instances.delete(db, operation.instance_id)
        if operation.kind == "destroy_tool":
            tool_id, resource_id = operation.request["tools"][0], operation.request["resourceId"]
            instances.delete_tool(db, operation.instance_id, tool_id, resource_id)
        message = f"Given up by hand; left at the providers: {', '.join(descriptions) or 'nothing'}"
        operations.settle_leaked(
            db, operation_id, {"message": message, "code": "ABANDONED", "left": to_public_names(leftovers)}
        )
        operation = operations.get(db, operation_id)
        assert operation is not None
        return operation

    operation = run_in_transaction(abandon_leftovers)
    log.write("warning", "operation given up", operation_id=operation_id, reason=(operation.error or {}).get("message"))
    return operation
