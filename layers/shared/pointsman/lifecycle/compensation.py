"""Compensation of a create or provision that failed: delete everything that it created."""

from ..db import operations
from ..db.connection import Connection, run_in_transaction
from ..db.step_attempts import StepAttempt
from .operation_queries import find_entries_to_delete, find_failure_cause
from .resource_deletion import delete_entries

__all__ = ["compensate"]


def compensate(attempt: StepAttempt) -> dict[str, object]:
    """Delete everything that the operation created or may have created, then end it as `failed`.

    Raises:
        PointsmanError: a deletion failed. Its entry stays open, and the state machine retries if the error is
            retryable.
    """
    operation = run_in_transaction(operations.begin_compensation, attempt.operation.id)
    if operation is None:
        return {"undone": False}
    delete_entries(operation.id, run_in_transaction(find_entries_to_delete, operation))

    def finish(db: Connection) -> None:
        error = find_failure_cause(db, operation.id)
        operations.finish(db, operation.id, "failed", final_step=attempt.name, error=error)

    attempt.write_at_end(finish)
    return {"undone": True}
