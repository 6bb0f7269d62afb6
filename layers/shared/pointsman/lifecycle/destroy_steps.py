"""The steps of `destroy` and `destroy_tool`: each deletes the open journal entries of one kind.

A step may be interrupted at any line and run again.
"""

from ..db import instances, journal, operations
from ..db.connection import Connection, run_in_transaction
from ..db.operations import Operation
from . import resource_deletion
from .operation_queries import require_operation

__all__ = ["destroy_service", "destroy_tool", "destroy_volumes"]


def destroy_tool(operation_id: str, tool_id: str) -> dict[str, object]:
    """Delete a tool's resource: the one that a `destroy_tool` names, or those of an instance that is being destroyed.

    Raises:
        PointsmanError: the deletion failed; the entry stays open, and the tool's row stays.
    """
    operation = require_operation(operation_id)
    if operation.kind == "destroy_tool":
        return _destroy_requested_resource(operation)
    return _delete_entries_of_kind(operation, "tool", tool_id)


def destroy_volumes(operation_id: str) -> dict[str, object]:
    """Delete the instance's volumes, before the service: Railway lists volumes by their service only.

    Raises:
        ProviderError: a deletion failed; the volume's entry stays open.
    """
    operation = require_operation(operation_id)
    for entry in run_in_transaction(journal.list_open_entries, operation.instance_id):
        if entry.kind == "service" and entry.resource_id:
            resource_deletion.delete_service_volumes(entry.resource_id)
    return _delete_entries_of_kind(operation, "volume", "railway")


def destroy_service(operation_id: str) -> dict[str, object]:
    """Delete the instance's service; Railway deletes its domain with it.

    Raises:
        ProviderError: the deletion failed; the entry stays open.
    """
    operation = require_operation(operation_id)
    _delete_entries_of_kind(operation, "service", "railway")
    return _delete_entries_of_kind(operation, "domain", "railway")


def _delete_entries_of_kind(operation: Operation, kind: journal.ResourceKind, provider: str) -> dict[str, object]:
    entries = run_in_transaction(journal.list_open_entries, operation.instance_id)
    matching = [entry for entry in entries if (entry.kind, entry.provider) == (kind, provider)]
    resource_deletion.delete_entries(operation.id, matching, step="destroy")
    return {"destroyed": True}


def _destroy_requested_resource(operation: Operation) -> dict[str, object]:
    """Delete the resource that the operation names, and its row, and end the operation."""
    instance_id, resource_id = operation.instance_id, str(operation.request["resourceId"])
    tool_id = str(operation.request["tools"][0])
    entries = run_in_transaction(journal.list_open_entries, instance_id)
    matching = [entry for entry in entries if (entry.provider, entry.resource_id) == (tool_id, resource_id)]
    existed = [resource_deletion.delete_tool_resource(entry) for entry in matching]
    deleted = bool(operation.request["known"]) or any(existed)
    result = {"toolId": tool_id, "resourceId": resource_id, "deleted": deleted}

    def record_deletion(db: Connection) -> dict[str, object]:
        for entry in matching:
            journal.record_deleted(db, entry, operation.id)
        instances.delete_tool(db, instance_id, tool_id, resource_id)
        operations.finish(db, operation.id, "succeeded", final_step=tool_id, result=result)
        return {"destroyed": True}

    return run_in_transaction(record_deletion)
