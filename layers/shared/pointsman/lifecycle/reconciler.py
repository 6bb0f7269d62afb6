"""The reconciler: resumes stalled operations, retries leaked ones, and sweeps orphans.

Most runs find nothing to resume, so what resumes an operation is imported when there is one.
"""

from collections.abc import Mapping

from .. import log
from ..db import operations
from ..db.connection import run_in_transaction
from ..db.operations import Operation
from ..errors import PointsmanError
from ..metrics import emit_metrics
from ..settings.aws import load_state_machine_arn
from ..settings.operations import ReconcileSettings
from .orphan_sweep import sweep_orphans

__all__ = ["reconcile", "resume_operations"]

_MAX_DOUBLINGS = 3
"""How often the interval between retries of a leaked operation doubles."""

_MAX_STARTS = 50
"""How many executions one run starts at most."""


def reconcile(event: Mapping[str, object]) -> dict[str, object]:
    """Resume operations, then sweep orphans.

    Args:
        event: the schedule's event. `dry: true` returns what would be done and does nothing.

    Returns:
        `operations`, as of `resume_operations`, and `orphans`, as of `sweep_orphans`.

    Raises:
        MissingSetting: a setting that the run needs is missing or wrong.
        DatabaseUnavailable: the database cannot be reached.
    """
    dry_run = event.get("dry") is True
    return {"operations": resume_operations(dry_run), "orphans": sweep_orphans(dry_run)}


def resume_operations(dry_run: bool) -> dict[str, str]:
    """Restart stalled operations and retry leaked ones.

    An operation that cannot be resumed is logged and does not keep the others from being resumed.

    Returns:
        What was done, by operation id: `started`, `restarted`, `settled` or `failed`; in a dry run `would start`,
        `would restart` or `would settle`.
    """
    settings = ReconcileSettings.load()
    actions: dict[str, str] = {}
    unsettled = run_in_transaction(operations.list_unsettled)
    emit_metrics(
        {
            "OperationsLeaked": sum(operation.status == "leaked" for operation, _ in unsettled),
            "OperationsStalled": sum(
                operation.status == "running" and idle_seconds >= settings.stalled_after
                for operation, idle_seconds in unsettled
            ),
        }
    )
    for operation, idle_seconds in unsettled:
        if len(actions) >= _MAX_STARTS:
            break
        interval = settings.stalled_after
        if operation.status == "leaked":
            interval *= 2 ** min(operation.restarts, _MAX_DOUBLINGS)
        if idle_seconds < interval:
            continue
        try:
            action = (
                _resume_stalled(operation, dry_run)
                if operation.status == "running"
                else _retry_leaked(operation, dry_run)
            )
        except PointsmanError as error:
            log.write("error", "operation could not be resumed", operation_id=operation.id, reason=error.message)
            action = "failed"
        if action:
            actions[operation.id] = action
            log.write("warning", "operation resumed", operation_id=operation.id, kind=operation.kind, what=action)
    return actions


def _resume_stalled(operation: Operation, dry_run: bool) -> str | None:
    from ..workflows.step_functions import get_execution_status
    from .operation_executions import operation_execution_name, start_operation

    status = get_execution_status(load_state_machine_arn(operation.kind), operation_execution_name(operation))
    if status == "RUNNING":
        return None
    if dry_run:
        return "would start"
    if status is None:
        # Step Functions does not know the execution, so its name is free.
        start_operation(operation)
        return "started"
    restarted = run_in_transaction(operations.restart, operation)
    if restarted is None:
        return None
    start_operation(restarted)
    return "restarted"


def _retry_leaked(operation: Operation, dry_run: bool) -> str | None:
    from .leaked_operations import retry_or_end
    from .operation_queries import find_entries_to_delete

    if dry_run:
        return "would restart" if run_in_transaction(find_entries_to_delete, operation) else "would settle"
    reopened = retry_or_end(operation)
    if reopened is None:
        return None
    return "restarted" if reopened.status == "running" else "settled"
