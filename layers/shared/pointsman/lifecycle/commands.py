"""Asking for an instance to be created or destroyed: whether it may begin, or runs already, or has been done."""

import re
from collections.abc import Sequence

from ..db import connection, instances, journal, locks, operations
from ..errors import Conflict, InstanceBusy, InvalidInput, MissingSetting, NotFound
from ..providers.registry import TOOLS, is_tool_configured
from ..settings.providers import load_railway_environment
from . import operation_executions, resource_names

__all__ = ["start_create", "start_destroy", "start_destroy_tool", "start_provision"]

Operation = operations.Operation


def start_create(instance_id: str, name: str, tools: Sequence[str]) -> Operation:
    """Begin to create an instance, or join the create that is running, or find the one that made it.

    Raises InvalidInput for ids, names and tools that cannot be, and Conflict where the instance exists with another
    request, or is being destroyed, or left something behind that is not deleted yet, or the name is another's.
    """
    _validate_create(instance_id, name, tools)
    load_railway_environment()  # Railway comes last: what its settings lack is told before a key or a number is bought.
    request: dict[str, object] = {"name": name, "tools": [tool for tool in TOOLS if tool in tools]}

    def find_or_insert(db: connection.Connection) -> Operation:
        running = operations.find_running(db, instance_id)
        if running and running.kind == "destroy":
            raise Conflict(f"Instance {instance_id} is being destroyed")
        if running and running.kind == "create":
            return _require_same_request(running, request)
        if instances.exists(db, instance_id):
            newest = operations.find_latest(db, instance_id, ("create", "destroy"))
            if newest is None or (newest.kind, newest.status) != ("create", "succeeded"):
                raise Conflict(f"Instance {instance_id} exists already")
            return _require_same_request(newest, request)
        if journal.list_open_entries(db, instance_id):
            raise Conflict(
                f"Instance {instance_id} has left something behind that could not be undone yet;"
                f" DELETE /destroy/{instance_id} goes on with it"
            )
        locks.lock_service_name(db, name)
        if other := operations.find_name_conflict(db, name, instance_id):
            raise Conflict(f"The name {name} is that of instance {other}, and a name can be had once (Railway)")
        return operation_executions.insert_operation(db, "create", instance_id, request)

    return operation_executions.start_or_join(instance_id, find_or_insert)


def start_destroy(instance_id: str) -> Operation:
    """Begin to destroy an instance, or join the destroy that is running.

    Raises NotFound for an instance of which nothing is known, Busy while another operation works on it.
    """

    def find_or_insert(db: connection.Connection) -> Operation:
        if running := operations.find_running(db, instance_id):
            if running.kind != "destroy":
                raise InstanceBusy(f"Instance {instance_id} is busy: its {running.kind} has to end first", running.id)
            return running
        instance, entries = instances.get(db, instance_id), journal.list_open_entries(db, instance_id)
        if instance is None and not entries:
            raise NotFound(f"Instance {instance_id} not found")
        tools = {tool.tool_id: tool.resource_id for tool in instances.list_tools(db, instance_id)}
        open_tools = [entry.provider for entry in entries if entry.kind == "tool"]
        request = {"tools": [tool for tool in TOOLS if tool in tools or tool in open_tools]}
        operation = operation_executions.insert_operation(db, "destroy", instance_id, request)
        if instance is not None:
            journal.adopt_existing(db, operation.id, instance_id, "railway", "service", instance.provider_service_id)
            if instance.volume_id:
                journal.adopt_existing(db, operation.id, instance_id, "railway", "volume", instance.volume_id)
        for tool_id, resource_id in tools.items():
            journal.adopt_existing(db, operation.id, instance_id, tool_id, "tool", resource_id)
        return operation

    return operation_executions.start_or_join(instance_id, find_or_insert)


def _validate_create(instance_id: str, name: str, tools: Sequence[str]) -> None:
    if not instance_id or not name:
        raise InvalidInput("instanceId and name are required")
    if not resource_names.INSTANCE_ID_PATTERN.fullmatch(instance_id):
        raise InvalidInput(
            "instanceId must be 1 to 128 characters of A-Z a-z 0-9 . _ ~ - and begin with a letter or a digit"
        )
    if not resource_names.SERVICE_NAME_PATTERN.fullmatch(name) or not resource_names.is_encodable(name):
        raise InvalidInput(
            f"name must be 1 to {resource_names.MAX_SERVICE_NAME_LENGTH} characters (Railway's limit)"
            " without control characters"
            " and without a space at its ends"
        )
    if name == resource_names.POOL_MANAGER_SERVICE_NAME:
        raise InvalidInput(f"name may not be {resource_names.POOL_MANAGER_SERVICE_NAME}: that service is no agent")
    if unknown := [tool for tool in tools if tool not in TOOLS]:
        raise InvalidInput(resource_names.unknown_tool_message(unknown[0]))


def _require_same_request(operation: Operation, request: dict[str, object]) -> Operation:
    if operation.request != request:
        raise Conflict(f"Instance {operation.instance_id} exists already, or is being created, with another request")
    return operation


def start_provision(instance_id: str, tool_id: str, limit: float | None = None) -> Operation:
    """Begin to give an instance a tool, or join the same request that is running. `limit` is OpenRouter's cap in USD.

    Raises InvalidInput for a tool that is unknown or not configured, NotFound for an unknown instance, Conflict where
    it has the tool, Busy while another operation works on it.
    """
    _require_known_tool(tool_id)
    if limit is not None and not 0 <= limit < float("inf"):
        raise InvalidInput("config.limit must be a number of USD of at least 0")
    if not is_tool_configured(tool_id):
        raise InvalidInput(f"Tool {tool_id} is not configured: {TOOLS[tool_id].required_setting} is not set")
    request: dict[str, object] = {"tools": [tool_id], "limit": limit}

    def find_or_insert(db: connection.Connection) -> Operation:
        if running := operations.find_running(db, instance_id):
            return _join_or_raise_busy(running, "provision", request)
        instance = instances.get(db, instance_id)
        if instance is None:
            raise NotFound(f"Instance {instance_id} not found")
        if any(tool.tool_id == tool_id for tool in instances.list_tools(db, instance_id)):
            raise Conflict(f"Tool {tool_id} already provisioned for {instance_id}")
        if instance.deploy_status == instances.DESTROY_FAILED:
            raise Conflict(f"Instance {instance_id} is half destroyed; DELETE /destroy/{instance_id} goes on with it")
        return operation_executions.insert_operation(db, "provision", instance_id, request)

    return operation_executions.start_or_join(instance_id, find_or_insert)


def start_destroy_tool(instance_id: str, tool_id: str, resource_id: str) -> Operation:
    """Begin to delete one resource of a tool, or join the same request that is running.

    A resource that no row or journal knows is looked for at its provider all the same: its row may have been lost.
    Raises InvalidInput for an unknown tool, NotFound for ids that no instance or no resource of it can have, Conflict
    where the resource is another instance's, Busy while another operation works on this one, MissingSetting where the
    provider has no credentials.
    """
    _require_known_tool(tool_id)
    request: dict[str, object] = {"tools": [tool_id], "resourceId": resource_id}

    def find_or_insert(db: connection.Connection) -> Operation:
        if running := operations.find_running(db, instance_id):
            return _join_or_raise_busy(running, "destroy_tool", request)
        users = instances.find_instances_using(db, tool_id, resource_id) | journal.find_instances_using(
            db, tool_id, resource_id
        )
        if users and instance_id not in users:
            raise Conflict(f"{tool_id} {resource_id} belongs to instance {min(users)}")
        if not users:
            _require_possible_ids(instance_id, tool_id, resource_id)
        if not is_tool_configured(tool_id):
            raise MissingSetting(TOOLS[tool_id].required_setting, f"without it no {tool_id} resource can be deleted")
        operation = operation_executions.insert_operation(
            db, "destroy_tool", instance_id, {**request, "known": bool(users)}
        )
        journal.adopt_existing(db, operation.id, instance_id, tool_id, "tool", resource_id, ignore_closed=True)
        return operation

    return operation_executions.start_or_join(instance_id, find_or_insert)


def _require_known_tool(tool_id: str) -> None:
    if tool_id not in TOOLS:
        raise InvalidInput(resource_names.unknown_tool_message(tool_id))


def _require_possible_ids(instance_id: str, tool_id: str, resource_id: str) -> None:
    if not resource_names.INSTANCE_ID_PATTERN.fullmatch(instance_id):
        raise NotFound(f"Instance {instance_id} not found")
    if not re.fullmatch(TOOLS[tool_id].resource_id_pattern, resource_id):
        raise NotFound(f"{TOOLS[tool_id].name} can have no resource of this id")


def _join_or_raise_busy(running: Operation, kind: operations.OperationKind, request: dict[str, object]) -> Operation:
    if running.kind == kind and request.items() <= running.request.items():
        return running
    raise InstanceBusy(f"Instance {running.instance_id} is busy: its {running.kind} has to end first", running.id)
