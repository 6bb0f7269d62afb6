"""Asking for an operation: whether it may begin, or runs already, or has been done."""

import uuid
from collections.abc import Sequence

from ..aws import start_execution
from ..db import connection, instances, journal, operations
from ..errors import Conflict, InvalidInput, NotFound
from ..providers.registry import TOOLS
from ..settings.api import state_machine_arn
from . import naming

__all__ = ["create", "destroy"]

run = connection.run
Operation = operations.Operation


def create(instance_id: str, name: str, tools: Sequence[str]) -> Operation:
    """Begin to create an instance, or join the create that is running, or find the one that made it.

    Raises InvalidInput for ids, names and tools that cannot be, and Conflict where the instance exists with another
    request, or is being destroyed, or left something behind that is not deleted yet.
    """
    _check(instance_id, name, tools)
    request: dict[str, object] = {"name": name, "tools": [tool for tool in TOOLS if tool in tools]}
    operation_id = _new_id()

    def begin(db: connection.Connection) -> Operation:
        operations.lock_instance(db, instance_id)
        if running := operations.running(db, instance_id):
            return _same(running, "create", request)
        if instances.exists(db, instance_id):
            made = operations.latest(db, instance_id)
            if made is None or made.status != "succeeded":
                raise Conflict(f"Instance {instance_id} exists already")
            return _same(made, "create", request)
        if journal.open_entries(db, instance_id):
            raise Conflict(
                f"Instance {instance_id} has left something behind that could not be undone yet;"
                f" DELETE /destroy/{instance_id} goes on with it"
            )
        operations.insert(db, operation_id, "create", instance_id, request)
        return _stored(db, operation_id)

    return _start(run(begin))


def destroy(instance_id: str) -> Operation:
    """Begin to destroy an instance, or join the destroy that is running.

    Raises NotFound for an instance of which nothing is known, Conflict while it is being created.
    """
    operation_id = _new_id()

    def begin(db: connection.Connection) -> Operation:
        operations.lock_instance(db, instance_id)
        if running := operations.running(db, instance_id):
            if running.kind != "destroy":
                raise Conflict(f"Instance {instance_id} is being created; destroy it when that has ended")
            return running
        instance, entries = instances.get(db, instance_id), journal.open_entries(db, instance_id)
        if instance is None and not entries:
            raise NotFound(f"Instance {instance_id} not found")
        tools = {tool.tool_id: tool.resource_id for tool in instances.tools(db, instance_id)}
        left = [entry.provider for entry in entries if entry.kind == "tool"]
        request = {"tools": [tool for tool in TOOLS if tool in tools or tool in left]}
        operations.insert(db, operation_id, "destroy", instance_id, request)
        if instance is not None:
            journal.own(db, operation_id, instance_id, "railway", "service", instance.provider_service_id)
            if instance.volume_id:
                journal.own(db, operation_id, instance_id, "railway", "volume", instance.volume_id)
        for tool_id, resource_id in tools.items():
            journal.own(db, operation_id, instance_id, tool_id, "tool", resource_id)
        return _stored(db, operation_id)

    return _start(run(begin))


def _start(operation: Operation) -> Operation:
    """Start the operation's execution. Safe for one that runs already: its name is the operation's id.

    Callers that join start it too, so an operation whose first caller died before this line is not stuck.
    """
    if operation.status == "running":
        given = {"operationId": operation.id, "tools": operation.request["tools"]}
        start_execution(state_machine_arn(operation.kind), operation.id, given)
    return operation


def _check(instance_id: str, name: str, tools: Sequence[str]) -> None:
    if not instance_id or not name:
        raise InvalidInput("instanceId and name are required")
    if not naming.INSTANCE_ID.fullmatch(instance_id):
        raise InvalidInput(
            "instanceId must be 1 to 128 characters of A-Z a-z 0-9 . _ ~ - and begin with a letter or a digit"
        )
    if len(name) > naming.MAX_SERVICE_NAME or not name.isprintable() or name != name.strip():
        raise InvalidInput(
            f"name must be 1 to {naming.MAX_SERVICE_NAME} printable characters (Railway's limit for a service's name)"
        )
    if name == naming.POOL_MANAGER:
        raise InvalidInput(f"name may not be {naming.POOL_MANAGER}: that service is no agent")
    if unknown := [tool for tool in tools if tool not in TOOLS]:
        raise InvalidInput(f"Unknown tool {unknown[0][:64]!r}: there are {', '.join(TOOLS)}")


def _same(operation: Operation, kind: operations.Kind, request: dict[str, object]) -> Operation:
    if operation.kind != kind:
        raise Conflict(f"Instance {operation.instance_id} is being destroyed")
    if operation.request != request:
        raise Conflict(f"Instance {operation.instance_id} exists already, or is being created, with another request")
    return operation


def _stored(db: connection.Connection, operation_id: str) -> Operation:
    operation = operations.get(db, operation_id)
    if operation is None:
        raise NotFound(f"Operation {operation_id} not found")
    return operation


def _new_id() -> str:
    return f"op-{uuid.uuid4().hex}"
