"""Making one tool's resource, for a create or for an instance that is there already; and deleting one."""

from functools import partial

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
"""How many phone numbers are tried before the search is given up (others order the same ones)."""


def provision_tool(operation_id: str, tool_id: str) -> dict[str, object]:
    """Create the tool's resource: a key, an inbox or a phone number. Skipped if its provider has no credentials."""
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
    """Create or adopt the resource by one plan. Raises ProviderRejected (`taken`) if another plan may work."""
    reference = resource_names.build_reference(operation.instance_id)

    def find_or_delete(entry: journal.Entry) -> list[ProviderResource]:
        """List what can be adopted. What cannot is deleted: its secret went only to the attempt that was lost."""
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
    """Delete what earlier operations made of this tool and could not undo: the instance is to have one of it.

    Raises what the provider raises; then the entries stay open.
    """
    entries = run_in_transaction(journal.list_open_entries, operation.instance_id)
    for entry in entries:
        if (entry.kind, entry.provider) == ("tool", tool_id) and entry.operation_id != operation.id:
            resource_deletion.delete_entry(operation.id, entry)


def attach_tool(operation_id: str) -> dict[str, object]:
    """Hand the tool's variables to the running instance, which deploys it anew, and write the contract's row."""
    operation = require_operation(operation_id)
    tool_id = str(operation.request["tools"][0])
    entry = run_in_transaction(journal.get, operation_id, tool_id, "tool")
    instance = run_in_transaction(instances.get, operation.instance_id)
    if operation.status == "running":
        if entry is None or entry.state != "created" or instance is None:
            raise OperationFailed("There is no resource to hand over, or no instance to take it")
        railway.get_client().set_variables(instance.provider_service_id, entry.env or {}, skip_deploys=False)
    return run_in_transaction(partial(_record_attached_tool, operation_id, tool_id))


def _record_attached_tool(operation_id: str, tool_id: str, db: Connection) -> dict[str, object]:
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
    """The contract's row of a tool: its first variable is the one that other programs read."""
    key = TOOLS[tool_id].env_keys[0]
    return instances.ToolRow(tool_id, entry.resource_id or "", key, (entry.env or {}).get(key), entry.meta)
