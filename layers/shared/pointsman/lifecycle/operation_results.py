"""How far an operation is, and waiting for its end."""

import time
from collections.abc import Callable
from typing import Any

from ..db import connection, operations
from ..db.event_listener import EventListener
from ..errors import InstanceBusy, NotFound, OperationFailed
from ..settings.operations import Timeouts
from . import idempotency_claim

__all__ = ["describe_running", "get_operation_and_steps", "get_result", "start_and_wait"]

_POLL_INTERVAL = 1.0
"""Seconds between looks at a running operation whose end nobody has told."""


def start_and_wait(start: Callable[[], operations.Operation]) -> operations.Operation:
    """Begin an operation and wait for its end, for as long as an answer may take; then as it is.

    Where another one works on the instance, its end is waited for first; raises Busy if it does not come in time.
    A repeat of a request with an idempotency key begins nothing, and waits for what the first has begun.
    """
    current_claim = idempotency_claim.get_current()
    deadline = (current_claim.received_at if current_claim else time.monotonic()) + Timeouts.load().response_timeout
    if current_claim and current_claim.operation_id:
        return _wait_until_ended(current_claim.operation_id, deadline)
    while True:
        try:
            operation = start()
        except InstanceBusy as busy:
            if _wait_until_ended(busy.operation_id, deadline).status == "running":
                raise
        else:
            if current_claim and current_claim.operation_id != operation.id:
                _link_claim(operation.id)
            return _wait_until_ended(operation.id, deadline)


def _link_claim(operation_id: str) -> None:
    connection.run_in_transaction(idempotency_claim.link_operation, operation_id)


def _wait_until_ended(operation_id: str, deadline: float) -> operations.Operation:
    with EventListener(operations.ENDED_CHANNEL) as listener:
        while True:
            operation = get_operation_and_steps(operation_id)[0]
            remaining = deadline - time.monotonic()
            if operation.status != "running" or remaining <= 0:
                return operation
            listener.wait_for_payload(operation.id, min(remaining, _POLL_INTERVAL))


def get_operation_and_steps(operation_id: str) -> tuple[operations.Operation, list[operations.OperationStep]]:
    """An operation and its steps so far. Raises NotFound."""

    def read(db: connection.Connection) -> tuple[operations.Operation, list[operations.OperationStep]]:
        operation = operations.get(db, operation_id)
        if operation is None:
            raise NotFound(f"Operation {operation_id} not found")
        return operation, operations.list_steps(db, operation_id)

    return connection.run_in_transaction(read)


def get_result(operation: operations.Operation) -> dict[str, Any] | None:
    """What an operation has brought; None while it runs. Raises OperationFailed with what is left."""
    if operation.status == "running":
        return None
    if operation.status == "succeeded":
        return operation.result or {}
    error = operation.error or {}
    extra = {key: value for key, value in error.items() if key not in ("message", "code")}
    details = {**(operation.result or {}), **extra, "operationId": operation.id, "status": operation.status}
    raise OperationFailed(str(error.get("message", "The operation failed")), details=details)


def describe_running(operation: operations.Operation) -> dict[str, Any]:
    """What is told of an operation that still runs."""
    return {"instanceId": operation.instance_id, "operationId": operation.id, "status": "running"}
