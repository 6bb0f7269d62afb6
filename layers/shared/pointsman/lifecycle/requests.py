"""Asking for an instance to be created or destroyed: whether it may begin, or runs already, or has been done."""

from collections.abc import Sequence

from ..db import connection, instances, journal, operations
from ..errors import Conflict, InstanceBusy, InvalidInput, NotFound
from ..providers.registry import TOOLS
from ..settings.railway import load_railway_environment
from . import naming, starting

__all__ = ["start_create", "start_destroy"]

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
        if other := operations.find_name_conflict(db, name, instance_id):
            raise Conflict(f"The name {name} is that of instance {other}, and a name can be had once (Railway)")
        return starting.insert_operation(db, "create", instance_id, request)

    return starting.start_or_join(instance_id, find_or_insert)


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
        operation = starting.insert_operation(db, "destroy", instance_id, request)
        if instance is not None:
            journal.adopt_existing(db, operation.id, instance_id, "railway", "service", instance.provider_service_id)
            if instance.volume_id:
                journal.adopt_existing(db, operation.id, instance_id, "railway", "volume", instance.volume_id)
        for tool_id, resource_id in tools.items():
            journal.adopt_existing(db, operation.id, instance_id, tool_id, "tool", resource_id)
        return operation

    return starting.start_or_join(instance_id, find_or_insert)


def _validate_create(instance_id: str, name: str, tools: Sequence[str]) -> None:
    if not instance_id or not name:
        raise InvalidInput("instanceId and name are required")
    if not naming.INSTANCE_ID_PATTERN.fullmatch(instance_id):
        raise InvalidInput(
            "instanceId must be 1 to 128 characters of A-Z a-z 0-9 . _ ~ - and begin with a letter or a digit"
        )
    if not naming.SERVICE_NAME_PATTERN.fullmatch(name) or not naming.is_encodable(name):
        raise InvalidInput(
            f"name must be 1 to {naming.MAX_SERVICE_NAME_LENGTH} characters (Railway's limit) without control characters"
            " and without a space at its ends"
        )
    if name == naming.POOL_MANAGER_SERVICE_NAME:
        raise InvalidInput(f"name may not be {naming.POOL_MANAGER_SERVICE_NAME}: that service is no agent")
    if unknown := [tool for tool in tools if tool not in TOOLS]:
        raise InvalidInput(naming.unknown_tool_message(unknown[0]))


def _require_same_request(operation: Operation, request: dict[str, object]) -> Operation:
    if operation.request != request:
        raise Conflict(f"Instance {operation.instance_id} exists already, or is being created, with another request")
    return operation
