"""Plugin `instances`: the Services API as tools, for callers with permissions of the fleet.

Whatever changes something needs an approval.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..display import quote_name, show_text
from ..plugin import NoConfig, Plugin, Prompt
from ..tool import Tool, ToolContext
from .instances_models import (
    Configure,
    Create,
    Created,
    Destroyed,
    Done,
    Fleet,
    Listed,
    ListPage,
    Nothing,
    OneInstance,
    Registry,
    Status,
)

if TYPE_CHECKING:
    from ...db.operations import Operation

__all__ = ["Instances"]

_EXAMPLE_ID = "demo-1"
_READ, _WRITE = "fleet:read", "fleet:write"

_MAX_NAMED_VARIABLES = 10
_MAX_NAME_CHARS = 64
"""What is said of variables to the person who approves; the input names more of them."""


def _list_registry(context: ToolContext[Nothing]) -> Mapping[str, object]:
    from ...providers.registry import describe_tools

    return {"tools": describe_tools()}


def _list_instances(context: ToolContext[ListPage]) -> Mapping[str, object]:
    from ...lifecycle.dashboard import list_stored_instances

    return list_stored_instances(context.input.limit, context.input.cursor or None)


def _get_status(context: ToolContext[Status]) -> Mapping[str, object]:
    from ...lifecycle.fleet_status import read_fleet_status

    return read_fleet_status(context.input.instanceIds or ())


def _create_instance(context: ToolContext[Create]) -> Mapping[str, object]:
    from ...lifecycle import commands
    from ...lifecycle.operation_results import start_and_wait
    from ...lifecycle.resource_names import build_reference

    instance_id = context.input.instanceId
    name = build_reference(instance_id)
    operation = start_and_wait(None, commands.start_create, instance_id, name, context.input.tools)
    return _describe_operation(operation)


def _destroy_instance(context: ToolContext[OneInstance]) -> Mapping[str, object]:
    from ...lifecycle import commands
    from ...lifecycle.operation_results import start_and_wait

    # A person has approved the destruction of this very instance.
    operation = start_and_wait(None, commands.start_destroy, context.input.instanceId, confirmed=True)
    return _describe_operation(operation)


def _describe_operation(operation: "Operation") -> Mapping[str, object]:
    """Return the operation's result, or that it still runs. Raises OperationFailed."""
    from ...lifecycle.operation_results import describe_running, get_result

    result = get_result(operation)
    return describe_running(operation) if result is None else result


def _redeploy_instance(context: ToolContext[OneInstance]) -> Mapping[str, object]:
    from ...lifecycle import service_config

    service_config.redeploy(context.input.instanceId)
    return {"instanceId": context.input.instanceId, "ok": True}


def _configure_instance(context: ToolContext[Configure]) -> Mapping[str, object]:
    from ...lifecycle import service_config

    tool_input = context.input
    service_config.configure(tool_input.instanceId, tool_input.variables, tool_input.redeploy)
    return {"instanceId": tool_input.instanceId, "ok": True}


def _explain_create(tool_input: Create) -> str:
    tools = f" with {', '.join(dict.fromkeys(tool_input.tools))}" if tool_input.tools else " without tools"
    return f"Creates instance {tool_input.instanceId}{tools}, which costs money"


def _explain_destroy(tool_input: OneInstance) -> str:
    return f"Destroys instance {quote_name(tool_input.instanceId)}, its tools and its volumes; what is on them is lost"


def _explain_redeploy(tool_input: OneInstance) -> str:
    return f"Deploys instance {quote_name(tool_input.instanceId)} again, which interrupts it"


def _explain_configure(tool_input: Configure) -> str:
    suffix = " and deploys it again, which interrupts it" if tool_input.redeploy else ""
    names = sorted(tool_input.variables)
    more = f" and {len(names) - _MAX_NAMED_VARIABLES} more" if len(names) > _MAX_NAMED_VARIABLES else ""
    shown = ", ".join(show_text(name, _MAX_NAME_CHARS) for name in names[:_MAX_NAMED_VARIABLES])
    return f"Sets {shown}{more} of instance {quote_name(tool_input.instanceId)}{suffix}"


class Instances(Plugin[NoConfig]):
    """Tools `instances.registry`, `list`, `status`, `create`, `destroy`, `redeploy` and `configure`."""

    id = "instances"
    tools = (
        Tool(
            "instances.registry",
            "The tools that an instance can have",
            Nothing,
            Registry,
            _list_registry,
            requires=_READ,
            read_only=True,
            open_world=False,
            example={},
        ),
        Tool(
            "instances.list",
            "The agent instances with their tools, as they are stored, the newest first, page by page",
            ListPage,
            Listed,
            _list_instances,
            requires=_READ,
            read_only=True,
            open_world=False,
            example={},
        ),
        Tool(
            "instances.status",
            "How agent instances are at Railway now: all of them, or those of these ids",
            Status,
            Fleet,
            _get_status,
            requires=_READ,
            read_only=True,
            example={},
        ),
        Tool(
            "instances.create",
            "Create an agent instance. A tool that is not configured here is left out",
            Create,
            Created,
            _create_instance,
            requires=_WRITE,
            approval=_explain_create,
            idempotent=True,
            example={"instanceId": _EXAMPLE_ID, "tools": ["openrouter"]},
        ),
        Tool(
            "instances.destroy",
            "Destroy an agent instance and everything that belongs to it, or go on with that",
            OneInstance,
            Destroyed,
            _destroy_instance,
            requires=_WRITE,
            approval=_explain_destroy,
            idempotent=True,
            example={"instanceId": _EXAMPLE_ID},
        ),
        Tool(
            "instances.redeploy",
            "Deploy once more what an agent instance's newest deployment deployed",
            OneInstance,
            Done,
            _redeploy_instance,
            requires=_WRITE,
            approval=_explain_redeploy,
            example={"instanceId": _EXAMPLE_ID},
        ),
        Tool(
            "instances.configure",
            "Set environment variables of an agent instance; they count from its next deployment on",
            Configure,
            Done,
            _configure_instance,
            requires=_WRITE,
            approval=_explain_configure,
            secret_fields=["variables.*"],
            example={"instanceId": _EXAMPLE_ID, "variables": {"LOG_LEVEL": "debug"}, "redeploy": True},
        ),
    )

    def prepare(self, prompt: Prompt) -> None:
        """Offer all tools to the model."""
        prompt.add_tools(*self.tools)
