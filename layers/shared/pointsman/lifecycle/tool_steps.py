"""The tool steps of create and provision: create one tool's resource, and attach it to a running instance.

A step may be interrupted at any line and run again.
"""

from ..db import instances, journal, operations
from ..db.connection import Connection, run_in_transaction
from ..db.operations import Operation
from ..errors import OperationFailed, ProviderRejected
from ..providers import railway
from ..providers.base import ProviderResource, ToolProvider
from ..providers.registry import TOOLS, get_tool_provider
from . import resource_deletion, resource_names
from .operation_queries import find_recordable, require_operation
from .resource_creation import ensure_resource

__all__ = ["attach_tool", "build_tool_row", "provision_tool"]

_MAX_PLANS = 5
"""Attempts to order a phone number; another customer may order the chosen number first."""


def provision_tool(operation_id: str, tool_id: str) -> dict[str, object]:
    """Create the tool's resource: a key, an inbox or a phone number. Skipped if it is not configured.

    Raises:
        ProviderError: the resource could not be created, or what an earlier operation left could not be deleted.
        Conflict: the operation has ended or is being compensated.
    """
    provider = get_tool_provider(tool_id)
    if provider is None:
        return {"skipped": True}
    operation = require_operation(operation_id)
    _delete_earlier_leftovers(operation, tool_id)
    for _ in range(_MAX_PLANS - 1):
        try:
            return {"resourceId": _ensure_tool_resource(operation, provider, tool_id)}
        except ProviderRejected as error:
            if error.reason != "taken":
                raise
    return {"resourceId": _ensure_tool_resource(operation, provider, tool_id)}


def _ensure_tool_resource(operation: Operation, provider: ToolProvider, tool_id: str) -> str:
    """Create or adopt the resource of one plan.

    Raises:
        ProviderRejected: the plan was rejected; with the reason `taken` another plan may work.
        ProviderUnavailable: the provider is unavailable, or the outcome is unknown.
    """
    reference = resource_names.build_reference(operation.instance_id)

    def find_or_delete(entry: journal.Entry) -> list[ProviderResource]:
        """List what can be adopted. What cannot is deleted: its secret was in the lost response only."""
        resources = provider.find(entry.plan)
        if provider.adoptable:
            return resources
        for resource in resources:
            provider.delete(resource.id)
        return []

    return ensure_resource(
        operation.id,
        tool_id,
        "tool",
        plan=lambda: provider.plan(reference, operation.id),
        find=find_or_delete,
        create=lambda plan: provider.create(plan, {"limit": operation.request.get("limit")}),
        settle="after_rejection" if provider.adoptable else "before_create",
    )


def _delete_earlier_leftovers(operation: Operation, tool_id: str) -> None:
    """Delete what earlier operations of the instance created of this tool: it may have one resource of a tool."""
    entries = run_in_transaction(journal.list_open_entries, operation.instance_id)
    for entry in entries:
        if (entry.kind, entry.provider) == ("tool", tool_id) and entry.operation_id != operation.id:
            resource_deletion.delete_entry(operation.id, entry)


def attach_tool(operation_id: str) -> dict[str, object]:
    """Set the tool's variables on the instance's service, which redeploys it, and record the tool.

    Raises:
        OperationFailed: the resource or the instance does not exist.
        ProviderError: Railway did not set the variables, or may not have.
        Conflict: the operation has ended or is being compensated.
    """
    operation = require_operation(operation_id)
    tool_id = str(operation.request["tools"][0])
    entry = run_in_transaction(journal.get, operation_id, tool_id, "tool")
    instance = run_in_transaction(instances.get, operation.instance_id)
    if operation.status == "running":
        if entry is None or entry.state != "created" or instance is None:
            raise OperationFailed("There is no resource to hand over, or no instance to take it")
        railway.get_client().set_variables(instance.provider_service_id, entry.env or {}, skip_deploys=False)
    return run_in_transaction(_record_attached_tool, operation_id, tool_id)


def _record_attached_tool(db: Connection, operation_id: str, tool_id: str) -> dict[str, object]:
    operation = find_recordable(db, operation_id)
    if operation is None:
        return {"recorded": True}
    entry = journal.get(db, operation_id, tool_id, "tool")
    assert entry is not None
    tool_row = build_tool_row(tool_id, entry)
    instances.insert_tool(db, operation.instance_id, tool_row)
    journal.clear_env(db, operation_id)
    result = {"toolId": tool_id, "resourceId": tool_row.resource_id, "envKey": tool_row.env_key, "status": "active"}
    operations.finish(db, operation_id, "succeeded", final_step="attach", result=result)
    return {"recorded": True}


def build_tool_row(tool_id: str, entry: journal.Entry) -> instances.ToolRow:
    """Build a tool's row of `instance_services`; its `env_key` and `env_value` are the tool's first variable."""
    key = TOOLS[tool_id].env_keys[0]
    return instances.ToolRow(tool_id, entry.resource_id or "", key, (entry.env or {}).get(key), entry.meta)
