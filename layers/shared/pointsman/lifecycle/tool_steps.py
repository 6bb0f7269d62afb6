"""The tool steps of create and provision: create one tool's resource, and attach it to a running instance.

A step may be interrupted at any line and run again.
"""

from collections.abc import Callable
from dataclasses import replace

from ..concurrent_calls import call_all
from ..db import instances, journal, operations
from ..db.connection import Connection, run_in_transaction
from ..db.operations import Operation
from ..db.step_attempts import Intent, PlanIntent, StepAttempt
from ..errors import OperationFailed, PointsmanError, ProviderRejected
from ..providers import railway
from ..providers.base import Plan, ProviderResource, ToolProvider, delete_resource
from ..providers.registry import TOOLS, get_tool_provider
from . import resource_deletion, resource_names
from .operation_queries import find_recordable, is_recordable
from .resource_creation import ensure_resource

__all__ = ["attach_tool", "build_tool_row", "complete_resource", "prepare_plan", "provision_tool"]

_MAX_PLANS = 5
"""Attempts to order a phone number; another customer may order the chosen number first."""


def prepare_plan(tool_id: str) -> PlanIntent:
    """Load the tool's provider, and return what plans the tool's resource of a first attempt.

    Nothing is planned that way if the plan needs the provider, or if an earlier operation left a resource of the tool.
    """
    provider = get_tool_provider(tool_id)

    def plan_tool(attempt: StepAttempt) -> Intent | None:
        if provider is None or not provider.plans_offline or attempt.find_entries(tool_id, "tool"):
            return None
        return Intent(tool_id, "tool", _make_plan(provider, attempt.operation))

    return plan_tool


def provision_tool(attempt: StepAttempt, tool_id: str) -> dict[str, object]:
    """Create the tool's resource: a key, an inbox or a phone number. Skipped if it is not configured.

    Raises:
        ProviderError: the resource could not be created, or what an earlier operation left could not be deleted.
        Conflict: the operation has ended or is being compensated.
    """
    provider = get_tool_provider(tool_id)
    if provider is None:
        return {"skipped": True}
    _delete_earlier_leftovers(attempt, tool_id)
    for _ in range(_MAX_PLANS - 1):
        try:
            return {"resourceId": _ensure_tool_resource(attempt, provider, tool_id)}
        except ProviderRejected as error:
            if error.reason != "taken":
                raise
    return {"resourceId": _ensure_tool_resource(attempt, provider, tool_id)}


def _make_plan(provider: ToolProvider, operation: Operation) -> Plan:
    return provider.plan(resource_names.build_reference(operation.instance_id), operation.id)


def _ensure_tool_resource(attempt: StepAttempt, provider: ToolProvider, tool_id: str) -> str:
    """Create or adopt the resource of one plan.

    Raises:
        ProviderRejected: the plan was rejected; with the reason `taken` another plan may work.
        ProviderUnavailable: the provider is unavailable, or the outcome is unknown.
    """

    def find_or_delete(entry: journal.Entry) -> list[ProviderResource]:
        """List what can be adopted. What cannot is deleted: its secret was in the lost response only."""
        resources = provider.find(entry.plan)
        if provider.adoptable:
            return resources
        for resource in resources:
            delete_resource(provider, resource.id)
        return []

    return ensure_resource(
        attempt,
        tool_id,
        "tool",
        plan=lambda: _make_plan(provider, attempt.operation),
        find=find_or_delete,
        create=lambda plan: provider.create(plan, {"limit": attempt.operation.request.get("limit")}),
        settle="after_rejection" if provider.adoptable else "before_create",
    )


def _delete_earlier_leftovers(attempt: StepAttempt, tool_id: str) -> None:
    """Delete what earlier operations of the instance created of this tool: it may have one resource of a tool."""
    for entry in attempt.find_entries(tool_id, "tool"):
        if not attempt.owns(entry):
            resource_deletion.delete_entry(attempt.operation.id, entry)


def complete_resource(entry: journal.Entry) -> journal.Entry | None:
    """Complete a tool's resource at its provider; return its entry with further facts, None if there are none.

    Raises:
        ProviderError: the provider failed. The resource can be used all the same.
    """
    provider = get_tool_provider(entry.provider) if TOOLS[entry.provider].needs_completion else None
    meta = provider.complete(entry.resource_id, entry.plan) if provider and entry.resource_id else {}
    return replace(entry, meta=entry.meta | meta) if meta else None


def attach_tool(attempt: StepAttempt) -> dict[str, object]:
    """Set the tool's variables on the instance's service, which redeploys it, and record the tool.

    The tool is recorded, and the operation ends as `succeeded`, in the transaction that ends the attempt.

    Raises:
        OperationFailed: the resource or the instance does not exist.
        ProviderError: Railway did not set the variables, or may not have.
        Conflict: the operation has ended or is being compensated.
    """
    operation = attempt.operation
    if not is_recordable(operation):
        return {"recorded": True}
    tool_id = str(operation.request["tools"][0])
    entry = attempt.find_entry(tool_id, "tool")
    instance = run_in_transaction(instances.get, operation.instance_id)
    if entry is None or entry.state != "created" or instance is None:
        raise OperationFailed("There is no resource to hand over, or no instance to take it")
    client, service_id, variables = railway.get_client(), instance.provider_service_id, entry.env or {}
    calls: list[Callable[[], journal.Entry | None]] = [
        lambda: client.set_variables(service_id, variables, skip_deploys=False),
        lambda: complete_resource(entry),
    ]
    failure, completed = call_all(calls)
    if isinstance(failure, PointsmanError):
        raise failure
    attempt.write_at_end(_record_attached_tool, attempt, completed if isinstance(completed, journal.Entry) else entry)
    return {"recorded": True}


def _record_attached_tool(db: Connection, attempt: StepAttempt, entry: journal.Entry) -> None:
    operation = find_recordable(db, attempt.operation.id)
    if operation is None:
        return
    journal.record_meta(db, entry)
    tool_row = build_tool_row(entry.provider, entry)
    instances.insert_tool(db, operation.instance_id, tool_row)
    journal.clear_env(db, operation.id)
    result = {
        "toolId": entry.provider, "resourceId": tool_row.resource_id, "envKey": tool_row.env_key, "status": "active",
    }  # fmt: skip
    operations.finish(db, operation.id, "succeeded", final_step=attempt.name, result=result)


def build_tool_row(tool_id: str, entry: journal.Entry) -> instances.ToolRow:
    """Build a tool's row of `instance_services`; its `env_key` and `env_value` are the tool's first variable."""
    key = TOOLS[tool_id].env_keys[0]
    return instances.ToolRow(tool_id, entry.resource_id or "", key, (entry.env or {}).get(key), entry.meta)
