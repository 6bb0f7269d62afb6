"""Beginning an operation: one transaction decides, then its execution is started."""

import uuid
from collections.abc import Callable, Mapping

from ..aws import start_execution
from ..db import connection, operations
from ..settings.api import state_machine_arn
from . import claim

__all__ = ["begin", "execution", "insert", "start"]

Operation = operations.Operation


def begin(instance_id: str, decide: Callable[[connection.Connection], Operation]) -> Operation:
    """Start the operation that `decide` finds or inserts; other requests about the instance are held back meanwhile.

    Starting is safe for one that runs already, because its execution is named after the operation. Callers that join
    start it too, so an operation whose first caller died before this line is not stuck.
    """

    def decided(db: connection.Connection) -> Operation:
        operations.lock_instance(db, instance_id)
        operation = decide(db)
        claim.link(db, operation.id)
        return operation

    operation = connection.run(decided)
    if operation.status == "running":
        start(operation)
    return operation


def start(operation: Operation) -> None:
    """Start the operation's execution. Nothing happens where it has been started before."""
    given = {"operationId": operation.id, "tools": operation.request["tools"], "undoing": operation.undoing}
    start_execution(state_machine_arn(operation.kind), execution(operation), given)


def execution(operation: Operation) -> str:
    """The name of the operation's execution: its id, with a number from the second one on."""
    return f"{operation.id}-{operation.restarts}" if operation.restarts else operation.id


def insert(
    db: connection.Connection, kind: operations.Kind, instance_id: str, request: Mapping[str, object]
) -> Operation:
    """Write a new operation down. Its `request` has `tools`, the tools that it is about."""
    operation_id = f"op-{uuid.uuid4().hex}"
    operations.insert(db, operation_id, kind, instance_id, request)
    operation = operations.get(db, operation_id)
    assert operation is not None
    return operation
