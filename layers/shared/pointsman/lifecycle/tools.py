"""Making one tool's resource, for a create or for an instance that is there already; and deleting one."""

from functools import partial

from ..db import connection, instances, journal, operations
from ..errors import Conflict, OperationFailed, ProviderError, ProviderRejected
from ..providers import railway
from ..providers.base import Resource
from ..providers.registry import TOOLS, tool_provider
from . import making, naming, removal
from .steps import operation_of

__all__ = ["attach_tool", "destroy_resource", "provision_tool", "row"]

_PLANS = 5
"""How many phone numbers are tried before the search is given up (others order the same ones)."""

Result = dict[str, object]
run = connection.run


def provision_tool(operation_id: str, tool_id: str) -> Result:
    """Make the tool's resource: a key, an inbox, a number. Skipped where the provider has no credentials."""
    provider = tool_provider(tool_id)
    if provider is None:
        return {"skipped": True}
    entry = run(lambda db: journal.get(db, operation_id, tool_id, "tool"))
    if entry and entry.state == "created":
        return {"resourceId": entry.resource_id}
    operation = operation_of(operation_id)
    cut_off = entry is not None and entry.state == "intended"
    if entry and cut_off:
        found = provider.find(entry.plan)
        if found and provider.adoptable:
            return _adopted(entry, found[0])
        if not provider.adoptable:
            removal.remove_unanswered(entry, partial(removal.resources_of, provider, entry.plan), provider.delete)
            cut_off = False
    else:
        _remove_what_others_left(operation, tool_id)
    plan = entry.plan if entry and entry.state == "intended" else None
    options = {"limit": operation.request.get("limit")}
    for attempt in range(1, _PLANS + 1):
        plan = plan or dict(provider.plan(naming.reference(operation.instance_id), operation_id))
        entry = making.intend(operation_id, tool_id, "tool", plan)
        try:
            return _adopted(entry, provider.create(plan, options))
        except ProviderError as error:
            if cut_off and isinstance(error, ProviderRejected):
                # What stands in the way may be what the earlier attempt has made, and is not listed yet.
                if removal.look_until_settled(entry, partial(removal.resources_of, provider, plan)):
                    return _adopted(entry, provider.find(plan)[0])
                cut_off = False
            making.not_made(entry, error, cut_off)
            if not (isinstance(error, ProviderRejected) and error.reason == "taken") or attempt == _PLANS:
                raise
            plan = None
    raise AssertionError("unreachable")


def _adopted(entry: journal.Entry, resource: Resource) -> Result:
    making.made(entry, resource.id, env=resource.env, meta=resource.meta)
    return {"resourceId": resource.id}


def _remove_what_others_left(operation: operations.Operation, tool_id: str) -> None:
    """Delete what earlier operations made of this tool and could not undo: the instance is to have one of it.

    Raises what the provider raises; then the entries stay open.
    """
    entries = run(lambda db: journal.open_entries(db, operation.instance_id))
    for entry in entries:
        if (entry.kind, entry.provider) == ("tool", tool_id) and entry.operation_id != operation.id:
            removal.remove(operation.id, entry)


def attach_tool(operation_id: str) -> Result:
    """Hand the tool's variables to the running instance, which deploys it anew, and write the contract's row."""
    operation = operation_of(operation_id)
    tool_id = str(operation.request["tools"][0])
    entry = run(lambda db: journal.get(db, operation_id, tool_id, "tool"))
    instance = run(lambda db: instances.get(db, operation.instance_id))
    if operation.status == "running":
        if entry is None or entry.state != "created" or instance is None:
            raise OperationFailed("There is no resource to hand over, or no instance to take it")
        railway.configured().set_variables(instance.provider_service_id, entry.env or {}, skip_deploys=False)
    return run(partial(_record, operation_id, tool_id))


def _record(operation_id: str, tool_id: str, db: connection.Connection) -> Result:
    operation, entry = operations.get(db, operation_id), journal.get(db, operation_id, tool_id, "tool")
    if operation is None or operation.status != "running" or operation.undoing:
        if operation is not None and operation.status == "succeeded":
            return {"recorded": True}
        raise Conflict(f"Operation {operation_id} is over or being undone; nothing is recorded")
    assert entry is not None
    made = row(tool_id, entry)
    instances.insert_tool(db, operation.instance_id, made)
    journal.forget_env(db, operation_id)
    result = {"toolId": tool_id, "resourceId": made.resource_id, "envKey": made.env_key, "status": "active"}
    operations.finish(db, operation_id, "succeeded", by_step="attach", result=result)
    return {"recorded": True}


def row(tool_id: str, entry: journal.Entry) -> instances.ToolRow:
    """The contract's row of a tool: its first variable is the one that other programs read."""
    key = TOOLS[tool_id].env_keys[0]
    return instances.ToolRow(tool_id, entry.resource_id or "", key, (entry.env or {}).get(key), entry.meta)


def destroy_resource(operation: operations.Operation) -> Result:
    """Delete the one resource that the operation names, and its row, and end the operation.

    Raises what the provider raises; then the entry stays open and the row stays.
    """
    instance_id, resource_id = operation.instance_id, str(operation.request["resourceId"])
    tool_id = str(operation.request["tools"][0])
    entries = run(lambda db: journal.open_entries(db, instance_id))
    named = [entry for entry in entries if (entry.provider, entry.resource_id) == (tool_id, resource_id)]
    was_there = [removal.delete_tool(entry) for entry in named]
    deleted = bool(operation.request["known"]) or any(was_there)
    result = {"toolId": tool_id, "resourceId": resource_id, "deleted": deleted}

    def record(db: connection.Connection) -> Result:
        for entry in named:
            journal.closed(db, entry, operation.id)
        instances.delete_tool(db, instance_id, tool_id, resource_id)
        operations.finish(db, operation.id, "succeeded", by_step=tool_id, result=result)
        return {"destroyed": True}

    return run(record)
