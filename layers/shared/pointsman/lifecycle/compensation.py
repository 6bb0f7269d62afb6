"""Undoing a create or provision that failed, and the steps of destroying an instance: walks over the journal."""

from ..db import journal, operations
from ..db.connection import run_in_transaction
from ..db.journal import ResourceKind
from ..errors import PointsmanError, ProviderUnavailable
from . import resource_deletion, tool_steps
from .operation_queries import find_entries_to_delete, find_failure_cause, require_operation

__all__ = ["compensate", "destroy_service", "destroy_tool", "destroy_volumes"]

Result = dict[str, object]


def compensate(operation_id: str) -> Result:
    """Delete all that this create or provision has made or may have made, then end it as `failed`.

    Raises the failure of a deletion that may still succeed, so that the state machine calls again.
    """
    operation = run_in_transaction(operations.begin_compensation, operation_id)
    if operation is None:
        return {"undone": False}
    entries = run_in_transaction(find_entries_to_delete, operation)
    if failures := resource_deletion.delete_entries(operation_id, entries):
        raise _merge_failures(failures)
    error = run_in_transaction(find_failure_cause, operation_id)
    run_in_transaction(operations.finish, operation_id, "failed", final_step="undo", error=error)
    return {"undone": True}


def destroy_tool(operation_id: str, tool_id: str) -> Result:
    """Delete one tool's resource: of an instance that is being destroyed, or alone."""
    operation = require_operation(operation_id)
    if operation.kind == "destroy_tool":
        return tool_steps.destroy_requested_resource(operation)
    return _delete_entries_of_kind(operation_id, "tool", tool_id)


def destroy_volumes(operation_id: str) -> Result:
    """Delete the volumes, while the service still tells which they are."""
    operation = require_operation(operation_id)
    for entry in run_in_transaction(journal.list_open_entries, operation.instance_id):
        if entry.kind == "service" and entry.resource_id:
            resource_deletion.delete_service_volumes(entry.resource_id)
    return _delete_entries_of_kind(operation_id, "volume", "railway")


def destroy_service(operation_id: str) -> Result:
    """Delete the service, and its domain with it."""
    _delete_entries_of_kind(operation_id, "service", "railway")
    return _delete_entries_of_kind(operation_id, "domain", "railway")


def _delete_entries_of_kind(operation_id: str, kind: ResourceKind, provider: str) -> Result:
    operation = require_operation(operation_id)
    entries = run_in_transaction(journal.list_open_entries, operation.instance_id)
    if failures := resource_deletion.delete_entries(
        operation_id, [e for e in entries if (e.kind, e.provider) == (kind, provider)]
    ):
        raise _merge_failures(failures)
    return {"destroyed": True}


def _merge_failures(failures: list[PointsmanError]) -> PointsmanError:
    """What a step reports of several failures: one that may pass, so that all are tried again."""
    message = "; ".join(failure.message for failure in failures)
    return ProviderUnavailable("undo", "delete", message) if len(failures) > 1 else failures[0]
