"""Start of an operation: one transaction inserts or joins it, then its Step Functions execution is started."""

import uuid
from collections.abc import Callable, Mapping

from ..db import locks, operations
from ..db.connection import Connection, run_in_transaction
from ..db.operations import Operation, OperationKind
from ..errors import InstanceBusy
from ..settings.aws import load_state_machine_arn
from ..workflows.step_functions import build_execution_name, start_execution
from .idempotency_claim import Claim, link_operation

__all__ = ["busy_error", "insert_operation", "operation_execution_name", "start_operation", "start_or_join"]


def start_or_join(
    claim: Claim | None, instance_id: str, find_or_insert: Callable[[Connection], Operation]
) -> Operation:
    """Find or insert an operation of this instance, and start its execution.

    An operation that was found is started too: its first caller may have died before it could. Starting it twice does
    nothing, because the execution has the operation's name.

    Args:
        claim: the request's idempotency claim; it is linked in the same transaction.
        instance_id: the instance whose lock is held until the transaction ends.
        find_or_insert: returns the operation to join, or inserts one.

    Raises:
        IdempotencyInProgress: a repeat of the request has taken over its key.
        StepFunctionsError: the execution could not be started; the reconciler starts it later.
    """

    def find_or_insert_locked(db: Connection) -> Operation:
        locks.lock_instance(db, instance_id)
        operation = find_or_insert(db)
        link_operation(db, claim, operation.id)
        return operation

    operation = run_in_transaction(find_or_insert_locked)
    if operation.status == "running":
        start_operation(operation)
    return operation


def start_operation(operation: Operation) -> None:
    """Start the operation's execution; does nothing if it was started before. Raises StepFunctionsError."""
    execution_input = {"operationId": operation.id, "tools": operation.request["tools"], "undoing": operation.undoing}
    start_execution(load_state_machine_arn(operation.kind), operation_execution_name(operation), execution_input)


def operation_execution_name(operation: Operation) -> str:
    """Return the name of the operation's newest execution."""
    return build_execution_name(operation.id, operation.restarts)


def insert_operation(
    db: Connection,
    kind: OperationKind,
    instance_id: str,
    request: Mapping[str, object],
    audit_details: Mapping[str, str] | None = None,
) -> Operation:
    """Insert a new operation of the current actor.

    Args:
        db: the connection of the transaction.
        kind: what is done.
        instance_id: the instance.
        request: has `tools`, the ids of the tools that the operation works on.
        audit_details: what the audit entry of its end tells besides.
    """
    operation_id = f"op-{uuid.uuid4().hex}"
    operations.insert(db, operation_id, kind, instance_id, request, audit_details or {})
    operation = operations.get(db, operation_id)
    assert operation is not None
    return operation


def busy_error(running: Operation) -> InstanceBusy:
    """Return the error for a command that another operation of the instance excludes."""
    return InstanceBusy(f"Instance {running.instance_id} is busy: its {running.kind} has to end first", running.id)
