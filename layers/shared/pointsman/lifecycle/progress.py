"""How far an operation is, and waiting for its end."""

import time
from collections.abc import Callable
from typing import Any

from ..db import connection, operations
from ..errors import Busy, NotFound, OperationFailed
from ..settings.tuning import Tuning
from . import claim

__all__ = ["begun", "outcome", "progress", "see_through"]

_LOOK_EVERY = 1.0
"""Seconds between looks at a running operation whose end nobody has told."""


def see_through(begin: Callable[[], operations.Operation]) -> operations.Operation:
    """Begin an operation and wait for its end, for as long as an answer may take; then as it is.

    Where another one works on the instance, its end is waited for first; raises Busy if it does not come in time.
    A repeat of a request with an idempotency key begins nothing, and waits for what the first has begun.
    """
    mine = claim.current()
    deadline = (mine.since if mine else time.monotonic()) + Tuning.load().answer_within
    if mine and mine.operation_id:
        return _wait(mine.operation_id, deadline)
    while True:
        try:
            operation = begin()
        except Busy as busy:
            if _wait(busy.operation_id, deadline).status == "running":
                raise
        else:
            if mine and mine.operation_id != operation.id:
                _link(operation.id)
            return _wait(operation.id, deadline)


def _link(operation_id: str) -> None:
    connection.run(lambda db: claim.link(db, operation_id))


def _wait(operation_id: str, deadline: float) -> operations.Operation:
    with connection.listening(operations.ENDED):
        while True:
            operation = progress(operation_id)[0]
            left = deadline - time.monotonic()
            if operation.status != "running" or left <= 0:
                return operation
            connection.wait_for(operations.ENDED, operation.id, min(left, _LOOK_EVERY))


def progress(operation_id: str) -> tuple[operations.Operation, list[operations.Step]]:
    """An operation and its steps so far. Raises NotFound."""

    def read(db: connection.Connection) -> tuple[operations.Operation, list[operations.Step]]:
        operation = operations.get(db, operation_id)
        if operation is None:
            raise NotFound(f"Operation {operation_id} not found")
        return operation, operations.steps(db, operation_id)

    return connection.run(read)


def outcome(operation: operations.Operation) -> dict[str, Any] | None:
    """What an operation has brought; None while it runs. Raises OperationFailed with what is left."""
    if operation.status == "running":
        return None
    if operation.status == "succeeded":
        return operation.result or {}
    error = operation.error or {}
    extra = {key: value for key, value in error.items() if key not in ("message", "code")}
    details = {**(operation.result or {}), **extra, "operationId": operation.id, "status": operation.status}
    raise OperationFailed(str(error.get("message", "The operation failed")), details=details)


def begun(operation: operations.Operation) -> dict[str, Any]:
    """What is told of an operation that still runs."""
    return {"instanceId": operation.instance_id, "operationId": operation.id, "status": "running"}
