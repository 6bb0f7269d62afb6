"""Beginning an operation: one transaction decides, then its execution is started."""

import uuid
from collections.abc import Callable, Mapping

from ..db import connection, locks, operations
from ..settings.aws import load_state_machine_arn
from ..workflows.step_functions import start_execution
from . import idempotency_claim

__all__ = ["execution_name", "insert_operation", "start_operation", "start_or_join"]

Operation = operations.Operation


def start_or_join(instance_id: str, find_or_insert: Callable[[connection.Connection], Operation]) -> Operation:
    """Start the operation that `decide` finds or inserts; other requests about the instance are held back meanwhile.

    Starting is safe for one that runs already, because its execution is named after the operation. Callers that join
    start it too, so an operation whose first caller died before this line is not stuck.
    """

    def find_or_insert_locked(db: connection.Connection) -> Operation:
        locks.lock_instance(db, instance_id)
        operation = find_or_insert(db)
        idempotency_claim.link_operation(db, operation.id)
        return operation

    operation = connection.run_in_transaction(find_or_insert_locked)
    if operation.status == "running":
        start_operation(operation)
    return operation


def start_operation(operation: Operation) -> None:
    """Start the operation's execution. Nothing happens where it has been started before."""
    execution_input = {"operationId": operation.id, "tools": operation.request["tools"], "undoing": operation.undoing}
    start_execution(load_state_machine_arn(operation.kind), execution_name(operation), execution_input)


def execution_name(operation: Operation) -> str:
    """The name of the operation's execution: its id, with a number from the second one on."""
    return f"{operation.id}-{operation.restarts}" if operation.restarts else operation.id


def insert_operation(
    db: connection.Connection, kind: operations.OperationKind, instance_id: str, request: Mapping[str, object]
) -> Operation:
    """Write a new operation down. Its `request` has `tools`, the tools that it is about."""
    operation_id = f"op-{uuid.uuid4().hex}"
    operations.insert(db, operation_id, kind, instance_id, request)
    operation = operations.get(db, operation_id)
    assert operation is not None
    return operation
