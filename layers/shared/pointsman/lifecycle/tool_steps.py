"""Making one tool's resource, for a create or for an instance that is there already; and deleting one."""

from functools import partial

from ..db import instances, journal, operations
from ..db.connection import Connection, run_in_transaction
from ..errors import Conflict, OperationFailed, ProviderError, ProviderRejected
from ..providers import railway
from ..providers.base import ProviderResource
from ..providers.registry import TOOLS, get_tool_provider
from . import resource_creation, resource_deletion, resource_names
from .operation_queries import require_operation

__all__ = ["attach_tool", "build_tool_row", "destroy_requested_resource", "provision_tool"]

_MAX_PLANS = 5
"""How many phone numbers are tried before the search is given up (others order the same ones)."""

Result = dict[str, object]


def provision_tool(operation_id: str, tool_id: str) -> Result:
    """Make the tool's resource: a key, an inbox, a number. Skipped where the provider has no credentials."""
    provider = get_tool_provider(tool_id)
    if provider is None:
        return {"skipped": True}
    entry = run_in_transaction(journal.get, operation_id, tool_id, "tool")
    if entry and entry.state == "created":
        return {"resourceId": entry.resource_id}
    operation = require_operation(operation_id)
    earlier_outcome_unknown = entry is not None and entry.state == "intended"
    if entry and earlier_outcome_unknown:
        found = provider.find(entry.plan)
        if found and provider.adoptable:
            return _record_resource(entry, found[0])
        if not provider.adoptable:
            resource_deletion.delete_until_settled(
                entry, partial(resource_deletion.find_resource_ids, provider, entry.plan), provider.delete
            )
            earlier_outcome_unknown = False
    else:
        _delete_earlier_leftovers(operation, tool_id)
    plan = entry.plan if entry and entry.state == "intended" else None
    options = {"limit": operation.request.get("limit")}
    for attempt in range(1, _MAX_PLANS + 1):
        plan = plan or dict(provider.plan(resource_names.build_reference(operation.instance_id), operation_id))
        entry = resource_creation.record_intent(operation_id, tool_id, "tool", plan)
        try:
            return _record_resource(entry, provider.create(plan, options))
        except ProviderError as error:
            if earlier_outcome_unknown and isinstance(error, ProviderRejected):
                # What stands in the way may be what the earlier attempt has made, and is not listed yet.
                if resource_deletion.find_until_settled(
                    entry, partial(resource_deletion.find_resource_ids, provider, plan)
                ):
                    return _record_resource(entry, provider.find(plan)[0])
                earlier_outcome_unknown = False
            resource_creation.record_failed_attempt(entry, error, earlier_outcome_unknown)
            if not (isinstance(error, ProviderRejected) and error.reason == "taken") or attempt == _MAX_PLANS:
                raise
            plan = None
    raise AssertionError("unreachable")


def _record_resource(entry: journal.Entry, resource: ProviderResource) -> Result:
    resource_creation.record_created(entry, resource.id, env=resource.env, meta=resource.meta)
    return {"resourceId": resource.id}


def _delete_earlier_leftovers(operation: operations.Operation, tool_id: str) -> None:
    """Delete what earlier operations made of this tool and could not undo: the instance is to have one of it.

    Raises what the provider raises; then the entries stay open.
    """
    entries = run_in_transaction(journal.list_open_entries, operation.instance_id)
    for entry in entries:
        if (entry.kind, entry.provider) == ("tool", tool_id) and entry.operation_id != operation.id:
            resource_deletion.delete_entry(operation.id, entry)


def attach_tool(operation_id: str) -> Result:
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


def _record_attached_tool(operation_id: str, tool_id: str, db: Connection) -> Result:
    operation, entry = operations.get(db, operation_id), journal.get(db, operation_id, tool_id, "tool")
    if operation is None or operation.status != "running" or operation.undoing:
        if operation is not None and operation.status == "succeeded":
            return {"recorded": True}
        raise Conflict(f"Operation {operation_id} is over or being undone; nothing is recorded")
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


def destroy_requested_resource(operation: operations.Operation) -> Result:
    """Delete the one resource that the operation names, and its row, and end the operation.

    Raises what the provider raises; then the entry stays open and the row stays.
    """
    instance_id, resource_id = operation.instance_id, str(operation.request["resourceId"])
    tool_id = str(operation.request["tools"][0])
    entries = run_in_transaction(journal.list_open_entries, instance_id)
    matching_entries = [entry for entry in entries if (entry.provider, entry.resource_id) == (tool_id, resource_id)]
    existed = [resource_deletion.delete_tool_resource(entry) for entry in matching_entries]
    deleted = bool(operation.request["known"]) or any(existed)
    result = {"toolId": tool_id, "resourceId": resource_id, "deleted": deleted}

    def record_in_transaction(db: Connection) -> Result:
        for entry in matching_entries:
            journal.record_deleted(db, entry, operation.id)
        instances.delete_tool(db, instance_id, tool_id, resource_id)
        operations.finish(db, operation.id, "succeeded", final_step=tool_id, result=result)
        return {"destroyed": True}

    return run_in_transaction(record_in_transaction)
