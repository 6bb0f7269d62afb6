"""Going on with what nobody works on any more: operations that stalled, and what others could not undo."""

from collections.abc import Mapping

from .. import log
from ..aws import execution_status
from ..db import connection, instances, journal, operations
from ..errors import Busy, Conflict, NotFound, PointsmanError
from ..metrics import measure
from ..settings.api import state_machine_arn
from ..settings.reconcile import ReconcileSettings
from . import starting
from .closing import names
from .progress import progress
from .steps import unwanted

__all__ = ["abandon", "reconcile", "retry"]

_LONGEST = 6
"""The pause before a leaked operation is tried again doubles so many times."""

_AT_ONCE = 50
"""Executions that one run starts at most."""

Operation = operations.Operation
run = connection.run


def reconcile(event: Mapping[str, object]) -> dict[str, object]:
    """Go on with operations, then look for what nobody knows; with `dry` in the event only return what it would do."""
    # Loaded here: a retry and an abandon by hand need no provider.
    from .orphans import sweep

    dry = event.get("dry") is True
    return {"operations": go_on(dry), "orphans": sweep(dry)}


def go_on(dry: bool) -> dict[str, str]:
    """Start again what stalled, and try again to delete what was left; returns what was done, by operation id.

    An operation that fails here is logged, and the others are gone on with.
    """
    settings = ReconcileSettings.load()
    done: dict[str, str] = {}
    found = run(operations.unsettled)
    measure({"OperationsLeaked": sum(operation.status == "leaked" for operation, _ in found)})
    for operation, silent in found:
        if len(done) >= _AT_ONCE:
            break
        pause = settings.after
        if operation.status == "leaked":
            pause *= 2 ** min(operation.restarts, _LONGEST)
        if silent < pause:
            continue
        try:
            what = _stalled(operation, dry) if operation.status == "running" else _leaked(operation, dry)
        except PointsmanError as error:
            log.say("error", "operation cannot be gone on with", operation_id=operation.id, reason=error.message)
            what = "failed"
        if what:
            done[operation.id] = what
            log.say("warning", "operation gone on with", operation_id=operation.id, kind=operation.kind, what=what)
    return done


def _stalled(operation: Operation, dry: bool) -> str | None:
    status = execution_status(state_machine_arn(operation.kind), starting.execution(operation))
    if status == "RUNNING":
        return None
    if dry:
        return "would start"
    if status is None:
        # It was never started, or the machine has lost it: its name is free.
        starting.start(operation)
        return "started"
    again = run(lambda db: operations.restart(db, operation))
    if again is None:
        return None
    starting.start(again)
    return "restarted"


def _leaked(operation: Operation, dry: bool) -> str | None:
    if dry:
        return "would restart" if run(lambda db: unwanted(db, operation)) else "would settle"
    again = run(lambda db: _reopened(db, operation))
    if again is None:
        return None
    if again.status != "running":
        return "settled"
    starting.start(again)
    return "restarted"


def _reopened(db: connection.Connection, seen: Operation) -> Operation | None:
    """The leaked operation as it is from now on: running again, or failed if nothing of it is left.

    None while another operation works on the instance, or if somebody else was first.
    """
    operations.lock_instance(db, seen.instance_id)
    if operations.running(db, seen.instance_id):
        return None
    if not _something_left(db, seen):
        operations.settle(db, seen.id, {**(seen.error or {}), "left": list[str]()})
        return operations.get(db, seen.id)
    return operations.restart(db, seen)


def _something_left(db: connection.Connection, operation: Operation) -> bool:
    if unwanted(db, operation):
        return True
    newest = operations.latest(db, operation.instance_id, ("create", "destroy"))
    mine = newest is not None and newest.id == operation.id
    # A destroy may have closed its last entry and died before it deleted the rows.
    return operation.kind == "destroy" and mine and instances.exists(db, operation.instance_id)


def retry(operation_id: str) -> Operation:
    """Let a leaked operation run again now.

    Raises NotFound, Conflict for one that is not leaked, Busy while another one works on the instance.
    """
    seen = progress(operation_id)[0]
    if seen.status == "running":
        return seen
    if seen.status != "leaked":
        raise Conflict(f"Operation {operation_id} has {seen.status}: there is nothing to retry")
    again = run(lambda db: _reopened(db, seen))
    if again is None:
        other = run(lambda db: operations.running(db, seen.instance_id))
        if other is not None and other.id != operation_id:
            raise Busy(f"Instance {seen.instance_id} is busy: its {other.kind} has to end first", other.id)
        return progress(operation_id)[0]
    if again.status == "running":
        starting.start(again)
    return again


def abandon(operation_id: str) -> Operation:
    """Give up what a leaked operation could not delete: from now on it is nobody's, and the instance's id is free.

    Raises NotFound, and Conflict for one that is not leaked.
    """

    def give_up(db: connection.Connection) -> Operation:
        operation = operations.get(db, operation_id)
        if operation is None:
            raise NotFound(f"Operation {operation_id} not found")
        operations.lock_instance(db, operation.instance_id)
        operation = operations.get(db, operation_id)
        assert operation is not None
        if operation.status != "leaked":
            raise Conflict(f"Operation {operation_id} is {operation.status}: only a leaked one can be given up")
        left = unwanted(db, operation)
        told = [f"{entry.provider} {entry.kind} {entry.resource_id or entry.plan}" for entry in left]
        for entry in left:
            journal.abandoned(db, entry, operation_id)
        if operation.kind == "destroy":
            instances.delete(db, operation.instance_id)
        if operation.kind == "destroy_tool":
            tool_id, resource_id = operation.request["tools"][0], operation.request["resourceId"]
            instances.delete_tool(db, operation.instance_id, tool_id, resource_id)
        message = f"Given up by hand; left at the providers: {', '.join(told) or 'nothing'}"
        operations.settle(db, operation_id, {"message": message, "code": "ABANDONED", "left": names(left)})
        operation = operations.get(db, operation_id)
        assert operation is not None
        return operation

    operation = run(give_up)
    log.say("warning", "operation given up", operation_id=operation_id, reason=(operation.error or {}).get("message"))
    return operation
