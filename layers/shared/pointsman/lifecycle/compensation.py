"""Compensation of a create or provision that failed: delete everything that it created."""

from ..db import operations
from ..db.connection import run_in_transaction
from .operation_queries import find_entries_to_delete, find_failure_cause
from .resource_deletion import delete_entries

__all__ = ["compensate"]


def compensate(operation_id: str) -> dict[str, object]:
    """Delete everything that the operation created or may have created, then end it as `failed`.

    Raises:
        PointsmanError: a deletion failed. Its entry stays open, and the state machine retries if the error is
            retryable.
    """
    operation = run_in_transaction(operations.begin_compensation, operation_id)
    if operation is None:
        return {"undone": False}
    entries = run_in_transaction(find_entries_to_delete, operation)
    delete_entries(operation_id, entries, step="undo")
    error = run_in_transaction(find_failure_cause, operation_id)
    run_in_transaction(operations.finish, operation_id, "failed", final_step="undo", error=error)
    return {"undone": True}
