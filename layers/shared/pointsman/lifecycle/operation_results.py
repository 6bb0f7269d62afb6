"""Results of operations: wait for the end of one, and turn it into the client's answer."""

import time
from collections.abc import Callable
from typing import Any, Concatenate, NamedTuple, ParamSpec

from .. import deadlines
from ..db import journal, operations
from ..db.connection import Connection, run_in_transaction
from ..db.event_listener import EventListener
from ..db.journal import EntrySummary
from ..db.operations import Operation, OperationStep
from ..errors import InstanceBusy, LeftoversRemain, OperationFailed
from ..settings.operations import Timeouts
from .idempotency_claim import Claim
from .operation_queries import get_or_raise

__all__ = ["OperationDetails", "describe_running", "get_operation_details", "get_result", "start_and_wait"]

P = ParamSpec("P")

_POLL_INTERVAL = 1.0
"""Seconds between reads of a running operation: a notification of its end may be lost."""


def start_and_wait(
    claim: Claim | None,
    start: Callable[Concatenate[Claim | None, P], Operation],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Operation:
    """Start an operation and wait for its end, at most `ANSWER_WITHIN_SECONDS` and until the request's deadline.

    If another operation works on the instance, its end is waited for first. If a leaked operation left something that
    prevents this one, it is retried first.

    Args:
        claim: the request's idempotency claim, None without a key. A repeat starts nothing and waits for the operation
            of the first request.
        start: a command, called as `start(claim, *args, **kwargs)`; it links the claim to the operation.
        args: for `start`.
        kwargs: for `start`.

    Returns:
        The operation as it is then: ended, or still running.

    Raises:
        InstanceBusy: the other operation does not end before the deadline.
        LeftoversRemain: something is still left.
        PointsmanError: what `start` raises.
    """
    now = time.monotonic()
    received_at = claim.received_at if claim else now
    deadline = min(received_at + Timeouts.load().response_timeout, now + deadlines.seconds_left())
    if claim and claim.operation_id:
        return _wait_until_ended(claim.operation_id, deadline)
    while True:
        try:
            operation = start(claim, *args, **kwargs)
            break
        except InstanceBusy as busy:
            if _wait_until_ended(busy.operation_id, deadline).status == "running":
                raise
        except LeftoversRemain as conflict:
            if conflict.leaked_id is None or not _retry_leaked(conflict.leaked_id):
                raise
    return _wait_until_ended(operation.id, deadline)


def _retry_leaked(operation_id: str) -> bool:
    """Retry a leaked operation; False if it has changed meanwhile. Its end is waited for as for one that is busy."""
    # Imported late: a request that meets no leftovers does not need it.
    from .leaked_operations import retry_or_end

    return retry_or_end(run_in_transaction(get_or_raise, operation_id)) is not None


def _wait_until_ended(operation_id: str, deadline: float) -> Operation:
    """Return the operation when it has ended, or as it is at the deadline of `time.monotonic()`."""
    with EventListener(operations.ENDED_CHANNEL) as listener:
        while True:
            operation = run_in_transaction(get_or_raise, operation_id)
            remaining = deadline - time.monotonic()
            if operation.status != "running" or remaining <= 0:
                return operation
            listener.wait_for_payload(operation.id, min(remaining, _POLL_INTERVAL))


class OperationDetails(NamedTuple):
    """An operation, the steps that have started, and what it was to create or has deleted, None if not requested."""

    operation: Operation
    steps: list[OperationStep]
    resources: list[EntrySummary] | None


def get_operation_details(operation_id: str, *, with_resources: bool = False) -> OperationDetails:
    """Read an operation with its steps and, if requested, its resources. Raises NotFound."""

    def read(db: Connection) -> OperationDetails:
        operation = get_or_raise(db, operation_id)
        resources = journal.list_of_operation(db, operation_id) if with_resources else None
        return OperationDetails(operation, operations.list_steps(db, operation_id), resources)

    return run_in_transaction(read)


def get_result(operation: Operation) -> dict[str, Any] | None:
    """Return the result of an operation; None while it runs.

    Raises:
        OperationFailed: it failed or leaked; the details say what is left.
    """
    if operation.status == "running":
        return None
    if operation.status == "succeeded":
        return operation.result or {}
    error = operation.error or {}
    extra = {key: value for key, value in error.items() if key not in ("message", "code")}
    details = {**(operation.result or {}), **extra, "operationId": operation.id, "status": operation.status}
    raise OperationFailed(str(error.get("message", "The operation failed")), details=details)


def describe_running(operation: Operation) -> dict[str, Any]:
    """Return the client's answer while an operation still runs."""
    return {"instanceId": operation.instance_id, "operationId": operation.id, "status": "running"}
