"""Commands: each decides whether an operation may start, joins the one that runs already, or inserts and starts one.

The decision is made under the instance's lock. `claim` is the request's idempotency claim, None without a key.
"""

import re
from collections.abc import Sequence

from ..db import instances, journal, locks, maintenance, operations
from ..db.connection import Connection
from ..db.operations import Operation, OperationKind
from ..errors import Conflict, DestroysHeld, InvalidInput, LeftoversRemain, NotFound, UnconfiguredTool
from ..providers.registry import TOOLS, explain_unconfigured, is_tool_configured
from ..settings.providers import load_key_limit, load_railway_environment
from . import fleet_limits
from .finalization import describe_leftover, to_public_names
from .idempotency_claim import Claim
from .input_rules import INSTANCE_ID_PATTERN, validate_create, validate_tool_id
from .operation_executions import busy_error, insert_operation, start_or_join

__all__ = ["start_create", "start_destroy", "start_destroy_tool", "start_provision"]

LEAKED_RETRY_PAUSE_SECONDS = 5.0
"""A create retries a leaked one only if it has been leaked for so long: not again for each repeated request."""


def start_create(claim: Claim | None, instance_id: str, name: str, tools: Sequence[str]) -> Operation:
    """Start a create, join the same one that runs, or return the one that created the instance.

    Args:
        claim: the request's idempotency claim.
        instance_id: the new instance's id.
        name: the name of its Railway service.
        tools: ids of tools, in any order.

    Raises:
        InvalidInput: an id, name or tool is invalid.
        Conflict: the instance exists with another request, or is being destroyed; or another instance has the name.
        LeftoversRemain: something is left of the instance's last operation.
        InstanceBusy: an earlier create of the instance is being retried, because it left something.
        FleetLimitReached: the fleet may not become larger, or spend more.
        MissingSetting: Railway is not configured.
        UnderMaintenance: operators have stopped new creates.
    """
    validate_create(instance_id, name, tools)
    # Railway is called after the tools' providers. A missing setting must show before they create what costs money.
    load_railway_environment()
    request: dict[str, object] = {"name": name, "tools": [tool for tool in TOOLS if tool in tools]}

    def find_or_insert(db: Connection) -> Operation:
        running = operations.find_running(db, instance_id)
        if running and running.kind == "destroy":
            raise Conflict(f"Instance {instance_id} is being destroyed")
        if running and running.kind == "create":
            if running.error is not None:
                # It was leaked, so its client has got its result. This request is another one.
                raise busy_error(running)
            return _require_same_request(running, request)
        if instances.exists(db, instance_id):
            newest = operations.find_latest(db, instance_id, ("create", "destroy"))
            if newest is None or (newest.kind, newest.status) != ("create", "succeeded"):
                raise Conflict(f"Instance {instance_id} exists already")
            return _require_same_request(newest, request)
        # A domain is deleted with its service, and never remains alone.
        if leftovers := [entry for entry in journal.list_open_entries(db, instance_id) if entry.kind != "domain"]:
            raise _leftovers_error(db, instance_id, leftovers)
        locks.lock_service_name(db, name)
        if other := operations.find_name_conflict(db, name, instance_id):
            raise Conflict(f"The name {name} is that of instance {other}, and a name can be had once (Railway)")
        maintenance.require_disabled(db)
        takes_key = "openrouter" in tools and is_tool_configured("openrouter")
        fleet_limits.require_room(db, instance_id, cap=load_key_limit() if takes_key else None)
        return insert_operation(db, "create", instance_id, request)

    return start_or_join(claim, instance_id, find_or_insert)


def start_destroy(claim: Claim | None, instance_id: str, *, confirmed: bool = False) -> Operation:
    """Start a destroy, or join the one that runs.

    Args:
        claim: the request's idempotency claim.
        instance_id: the instance.
        confirmed: whether a person means this very instance; then it is never held, and does not count.

    Raises:
        NotFound: the instance has neither a row nor an open journal entry.
        InstanceBusy: another operation works on the instance.
        DestroysHeld: the caller has destroyed many instances of late.
    """

    def find_or_insert(db: Connection) -> Operation:
        if running := operations.find_running(db, instance_id):
            return _join_or_raise_busy(running, "destroy", {})
        instance, entries = instances.get(db, instance_id), journal.list_open_entries(db, instance_id)
        if instance is None and not entries:
            raise NotFound(f"Instance {instance_id} not found")
        tools = {tool.tool_id: tool.resource_id for tool in instances.list_tools(db, instance_id)}
        open_tools = [entry.provider for entry in entries if entry.kind == "tool"]
        request = {"tools": [tool for tool in TOOLS if tool in tools or tool in open_tools]}
        if not confirmed:
            fleet_limits.require_no_hold(db, instance_id)
        operation = insert_operation(db, "destroy", instance_id, request, {"confirmed": "true"} if confirmed else {})
        if instance is not None:
            journal.adopt_existing(db, operation.id, instance_id, "railway", "service", instance.provider_service_id)
            if instance.volume_id:
                journal.adopt_existing(db, operation.id, instance_id, "railway", "volume", instance.volume_id)
        for tool_id, resource_id in tools.items():
            journal.adopt_existing(db, operation.id, instance_id, tool_id, "tool", resource_id)
        return operation

    try:
        return start_or_join(claim, instance_id, find_or_insert)
    except DestroysHeld:
        fleet_limits.hold_destroys(instance_id)
        raise


def start_provision(claim: Claim | None, instance_id: str, tool_id: str, limit: float | None = None) -> Operation:
    """Start the provision of one more tool, or join the same request that runs.

    Args:
        claim: the request's idempotency claim.
        instance_id: the instance that gets the tool.
        tool_id: the tool.
        limit: the spending cap of an OpenRouter key, in USD; None for the default.

    Raises:
        InvalidInput: the tool is unknown or not configured, or the limit is invalid.
        NotFound: there is no such instance.
        Conflict: the instance has the tool already, or is half destroyed.
        InstanceBusy: another operation works on the instance.
        UnderMaintenance: operators have stopped new provisions.
        FleetLimitReached: the fleet may not spend more.
    """
    validate_tool_id(tool_id)
    if limit is not None and not 0 <= limit < float("inf"):
        raise InvalidInput("config.limit must be a number of USD of at least 0")
    if not is_tool_configured(tool_id):
        raise InvalidInput(f"Tool {tool_id} is not configured: {explain_unconfigured(tool_id)}")
    request: dict[str, object] = {"tools": [tool_id], "limit": limit}

    def find_or_insert(db: Connection) -> Operation:
        if running := operations.find_running(db, instance_id):
            return _join_or_raise_busy(running, "provision", request)
        instance = instances.get(db, instance_id)
        if instance is None:
            raise NotFound(f"Instance {instance_id} not found")
        if any(tool.tool_id == tool_id for tool in instances.list_tools(db, instance_id)):
            raise Conflict(f"Tool {tool_id} already provisioned for {instance_id}")
        if instance.deploy_status == instances.DESTROY_FAILED:
            raise Conflict(f"Instance {instance_id} is half destroyed; DELETE /destroy/{instance_id} goes on with it")
        maintenance.require_disabled(db)
        if tool_id == "openrouter":
            fleet_limits.require_spend(db, load_key_limit() if limit is None else limit)
        return insert_operation(db, "provision", instance_id, request)

    return start_or_join(claim, instance_id, find_or_insert)


def start_destroy_tool(claim: Claim | None, instance_id: str, tool_id: str, resource_id: str) -> Operation:
    """Start the deletion of one resource of a tool, or join the same request that runs.

    A resource without a row and a journal entry is deleted at its provider too, because its row may have been lost.

    Args:
        claim: the request's idempotency claim.
        instance_id: the instance that the resource belongs to.
        tool_id: the tool.
        resource_id: the provider's id: key hash, inbox id, phone number in E.164.

    Raises:
        InvalidInput: the tool is unknown.
        NotFound: no instance, or no resource of the tool, can have such an id.
        Conflict: the resource belongs to another instance.
        InstanceBusy: another operation works on the instance.
        UnconfiguredTool: the tool's provider has no credentials.
    """
    validate_tool_id(tool_id)
    request: dict[str, object] = {"tools": [tool_id], "resourceId": resource_id}

    def find_or_insert(db: Connection) -> Operation:
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
            raise UnconfiguredTool(
                TOOLS[tool_id].required_setting,
                f"without it no {tool_id} resource can be deleted; {explain_unconfigured(tool_id)}",
            )
        operation = insert_operation(db, "destroy_tool", instance_id, {**request, "known": bool(users)})
        journal.adopt_existing(db, operation.id, instance_id, tool_id, "tool", resource_id, ignore_closed=True)
        return operation

    return start_or_join(claim, instance_id, find_or_insert)


def _leftovers_error(db: Connection, instance_id: str, leftovers: list[journal.Entry]) -> LeftoversRemain:
    described = [describe_leftover(entry) for entry in leftovers]
    names = ", ".join(" ".join(item.values()) for item in described)
    leaked = operations.find_leaked_create(db, instance_id, LEAKED_RETRY_PAUSE_SECONDS)
    return LeftoversRemain(
        f"Instance {instance_id} has left something behind that could not be undone yet: {names}. It is looked at again"
        f" by the next create and by the reconciler; DELETE /destroy/{instance_id} resumes it too",
        details={"left": to_public_names(leftovers), "leftovers": described},
        leaked_id=leaked.id if leaked else None,
    )


def _require_same_request(operation: Operation, request: dict[str, object]) -> Operation:
    if operation.request != request:
        raise Conflict(f"Instance {operation.instance_id} exists already, or is being created, with another request")
    return operation


def _require_possible_ids(instance_id: str, tool_id: str, resource_id: str) -> None:
    if not INSTANCE_ID_PATTERN.fullmatch(instance_id):
        raise NotFound(f"Instance {instance_id} not found")
    if not re.fullmatch(TOOLS[tool_id].resource_id_pattern, resource_id):
        raise NotFound(f"{TOOLS[tool_id].name} can have no resource of this id")


def _join_or_raise_busy(running: Operation, kind: OperationKind, request: dict[str, object]) -> Operation:
    if running.kind == kind and request.items() <= running.request.items():
        return running
    raise busy_error(running)
