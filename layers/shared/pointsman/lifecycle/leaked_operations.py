"""Leaked operations: those that ended while something that they had to delete remained.

The reconciler and clients retry them; a client may abandon what cannot be deleted.
"""

from .. import log
from ..db import audit_log, instances, journal, locks, operations
from ..db.connection import Connection, run_in_transaction
from ..db.operations import Operation
from ..errors import Conflict
from .finalization import to_public_names
from .idempotency_claim import Claim, link_operation
from .operation_executions import busy_error, start_operation
from .operation_queries import find_entries_to_delete, get_or_raise

__all__ = ["abandon_leaked", "retry_leaked", "retry_or_end"]


_MAX_NAMED_LEFTOVERS = 20
"""Resources that the audit entry of an abandoned operation names."""


def retry_or_end(operation: Operation, claim: Claim | None = None) -> Operation | None:
    """Restart a leaked operation, or end it as `failed` if nothing of it is left.

    Args:
        operation: the operation as it was read.
        claim: the idempotency claim of the request, if a client retries.

    Returns:
        The operation as it is now; None if another operation works on the instance, or the operation has changed since
        it was read.

    Raises:
        StepFunctionsError: the execution could not be started; the reconciler starts it later.
    """
    reopened = run_in_transaction(_reopen_or_settle, operation, claim)
    if reopened is not None and reopened.status == "running":
        start_operation(reopened)
    return reopened


def _reopen_or_settle(db: Connection, leaked: Operation, claim: Claim | None) -> Operation | None:
    locks.lock_instance(db, leaked.instance_id)
    if operations.find_running(db, leaked.instance_id):
        return None
    reopened = operations.restart(db, leaked) if _has_leftovers(db, leaked) else _settle(db, leaked)
    if reopened is not None:
        outcome = "started" if reopened.status == "running" else "succeeded"
        audit_log.record(
            db, "operation.retry", "instance", leaked.instance_id, outcome, operation_id=leaked.id,
            details={"kind": leaked.kind},
        )  # fmt: skip
        link_operation(db, claim, reopened.id)
    return reopened


def _settle(db: Connection, leaked: Operation) -> Operation | None:
    """End a leaked operation of which nothing is left; None if it is not leaked any more."""
    current = operations.get(db, leaked.id)
    if current is None or current.status != "leaked":
        return None
    operations.settle_leaked(db, leaked.id, {**(leaked.error or {}), "left": list[str]()})
    operations.audit_end(db, leaked.id)
    return operations.get(db, leaked.id)


def _has_leftovers(db: Connection, operation: Operation) -> bool:
    if find_entries_to_delete(db, operation):
        return True
    newest = operations.find_latest(db, operation.instance_id, ("create", "destroy"))
    is_newest = newest is not None and newest.id == operation.id
    # A destroy may have closed its last entry and been interrupted before it deleted the rows.
    return operation.kind == "destroy" and is_newest and instances.exists(db, operation.instance_id)


def retry_leaked(claim: Claim | None, operation_id: str) -> Operation:
    """Retry a leaked operation now, or join it if it runs already.

    Args:
        claim: the request's idempotency claim.
        operation_id: the leaked operation.

    Raises:
        NotFound: there is no such operation.
        Conflict: the operation is neither leaked nor running.
        InstanceBusy: another operation works on the instance.
        IdempotencyInProgress: a repeat of the request has taken over its key.
        StepFunctionsError: the execution could not be started.
    """
    operation = run_in_transaction(get_or_raise, operation_id)
    if operation.status not in ("running", "leaked"):
        raise Conflict(f"Operation {operation_id} has {operation.status}: there is nothing to retry")
    if operation.status == "leaked":
        if reopened := retry_or_end(operation, claim):
            return reopened
        running = run_in_transaction(operations.find_running, operation.instance_id)
        if running is not None and running.id != operation_id:
            raise busy_error(running)
    return run_in_transaction(_join, claim, operation_id)


def _join(db: Connection, claim: Claim | None, operation_id: str) -> Operation:
    link_operation(db, claim, operation_id)
    return get_or_raise(db, operation_id)


def abandon_leaked(operation_id: str) -> Operation:
    """End a leaked operation as `failed` without deleting its leftovers, which frees the instance's id.

    Raises:
        NotFound: there is no such operation.
        Conflict: the operation is not leaked.
    """
    operation = run_in_transaction(_abandon, operation_id)
    reason = (operation.error or {}).get("message")
    log.write("warning", "operation abandoned", operation_id=operation_id, reason=reason)
    return operation


def _abandon(db: Connection, operation_id: str) -> Operation:
    locks.lock_instance(db, get_or_raise(db, operation_id).instance_id)
    operation = get_or_raise(db, operation_id)
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
    audit_log.record(
        db, "operation.abandon", "instance", operation.instance_id, "succeeded", operation_id=operation_id,
        details={"kind": operation.kind, "left": descriptions[:_MAX_NAMED_LEFTOVERS]},
    )  # fmt: skip
    return get_or_raise(db, operation_id)
