"""The Services API as tools: looking is free, and whatever makes, changes or deletes something needs an approval."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

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
    Nothing,
    OneInstance,
    Registry,
    Status,
)

if TYPE_CHECKING:
    from ...db.operations import Operation

__all__ = ["Instances"]

_EXAMPLE = "demo-1"


def _registry(context: ToolContext[Nothing]) -> Mapping[str, object]:
    from ...providers.registry import listing

    return {"tools": listing()}


def _list(context: ToolContext[Nothing]) -> Mapping[str, object]:
    from ...lifecycle.dashboard import instances

    return {"instances": instances()}


def _status(context: ToolContext[Status]) -> Mapping[str, object]:
    from ...lifecycle.status import batch

    return batch(context.input.instanceIds or ())


def _create(context: ToolContext[Create]) -> Mapping[str, object]:
    from ...lifecycle import requests

    wanted = context.input
    return _seen_through(lambda: requests.create(wanted.instanceId, wanted.name, wanted.tools))


def _destroy(context: ToolContext[OneInstance]) -> Mapping[str, object]:
    from ...lifecycle import requests

    return _seen_through(lambda: requests.destroy(context.input.instanceId))


def _seen_through(begin: "Callable[[], Operation]") -> Mapping[str, object]:
    """The operation's result, or that it still runs. Raises OperationFailed."""
    from ...lifecycle.progress import begun, outcome, see_through

    operation = see_through(begin)
    result = outcome(operation)
    return begun(operation) if result is None else result


def _redeploy(context: ToolContext[OneInstance]) -> Mapping[str, object]:
    from ...lifecycle import service

    service.redeploy(context.input.instanceId)
    return {"instanceId": context.input.instanceId, "ok": True}


def _configure(context: ToolContext[Configure]) -> Mapping[str, object]:
    from ...lifecycle import service

    wanted = context.input
    service.configure(wanted.instanceId, wanted.variables, wanted.redeploy)
    return {"instanceId": wanted.instanceId, "ok": True}


def _why_create(wanted: Create) -> str:
    tools = f" with {', '.join(wanted.tools)}" if wanted.tools else " without tools"
    return f"Creates instance {wanted.instanceId}, named {wanted.name},{tools}, which costs money"


def _why_destroy(wanted: OneInstance) -> str:
    return f"Destroys instance {wanted.instanceId}, its tools and its volumes; what is on them is lost"


def _why_redeploy(wanted: OneInstance) -> str:
    return f"Deploys instance {wanted.instanceId} again, which interrupts it"


def _why_configure(wanted: Configure) -> str:
    then = " and deploys it again, which interrupts it" if wanted.redeploy else ""
    return f"Sets {', '.join(sorted(wanted.variables))} of instance {wanted.instanceId}{then}"


class Instances(Plugin[NoConfig]):
    """`instances.registry`, `list` and `status` freely; `create`, `destroy`, `redeploy` and `configure` approved."""

    id = "instances"
    tools = (
        Tool(
            "instances.registry",
            "The tools that an instance can have",
            Nothing,
            Registry,
            _registry,
            example={},
        ),
        Tool(
            "instances.list",
            "All agent instances with their tools, as they are stored, the newest first",
            Nothing,
            Listed,
            _list,
            example={},
        ),
        Tool(
            "instances.status",
            "How agent instances are at Railway now: all of them, or those of these ids",
            Status,
            Fleet,
            _status,
            example={},
        ),
        Tool(
            "instances.create",
            "Create an agent instance. A tool that is not configured here is left out",
            Create,
            Created,
            _create,
            approval=_why_create,
            example={"instanceId": _EXAMPLE, "name": f"convos-agent-{_EXAMPLE}", "tools": ["openrouter"]},
        ),
        Tool(
            "instances.destroy",
            "Destroy an agent instance and everything that belongs to it, or go on with that",
            OneInstance,
            Destroyed,
            _destroy,
            approval=_why_destroy,
            example={"instanceId": _EXAMPLE},
        ),
        Tool(
            "instances.redeploy",
            "Deploy once more what an agent instance's newest deployment deployed",
            OneInstance,
            Done,
            _redeploy,
            approval=_why_redeploy,
            example={"instanceId": _EXAMPLE},
        ),
        Tool(
            "instances.configure",
            "Set environment variables of an agent instance; they count from its next deployment on",
            Configure,
            Done,
            _configure,
            approval=_why_configure,
            example={"instanceId": _EXAMPLE, "variables": {"LOG_LEVEL": "debug"}, "redeploy": True},
        ),
    )

    def prepare(self, prompt: Prompt) -> None:
        prompt.add_tools(*self.tools)
