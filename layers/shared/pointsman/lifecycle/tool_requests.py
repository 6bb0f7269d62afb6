"""Asking for one tool of an instance to be provisioned or destroyed."""

import re

from ..db import connection, instances, journal, operations
from ..errors import Conflict, InstanceBusy, InvalidInput, MissingSetting, NotFound
from ..providers.registry import TOOLS, is_tool_configured
from . import naming, starting

__all__ = ["start_destroy_tool", "start_provision"]

Operation = operations.Operation


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
        return starting.insert_operation(db, "provision", instance_id, request)

    return starting.start_or_join(instance_id, find_or_insert)


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
        operation = starting.insert_operation(db, "destroy_tool", instance_id, {**request, "known": bool(users)})
        journal.adopt_existing(db, operation.id, instance_id, tool_id, "tool", resource_id, ignore_closed=True)
        return operation

    return starting.start_or_join(instance_id, find_or_insert)


def _require_known_tool(tool_id: str) -> None:
    if tool_id not in TOOLS:
        raise InvalidInput(naming.unknown_tool_message(tool_id))


def _require_possible_ids(instance_id: str, tool_id: str, resource_id: str) -> None:
    if not naming.INSTANCE_ID_PATTERN.fullmatch(instance_id):
        raise NotFound(f"Instance {instance_id} not found")
    if not re.fullmatch(TOOLS[tool_id].resource_id_pattern, resource_id):
        raise NotFound(f"{TOOLS[tool_id].name} can have no resource of this id")


def _join_or_raise_busy(running: Operation, kind: operations.OperationKind, request: dict[str, object]) -> Operation:
    if running.kind == kind and request.items() <= running.request.items():
        return running
    raise InstanceBusy(f"Instance {running.instance_id} is busy: its {running.kind} has to end first", running.id)
