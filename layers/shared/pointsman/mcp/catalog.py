"""The tools that a client of MCP sees: the bundle's exposed ones that the user may use, and the two of prompts."""

from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel

from ..agent.agent import Agent
from ..agent.json_schema import input_schema, output_schema, tool_input_schema
from ..agent.model.tool_names import ToolNameMap
from ..agent.tool import AnyTool
from .messages import INVALID_PARAMS, JsonObject, RpcError
from .prompt_models import PromptInput, PromptOutcome, ResultInput

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["PAGE_SIZE", "Catalog"]

PAGE_SIZE = 50
"""Tools of a page of `tools/list`."""

_PROMPT_ID, _RESULT_ID = "prompt", "prompt_result"


class Catalog:
    """The tools of an agent by the names that they have over MCP: `instances_create` for `instances.create`.

    Attributes:
        prompt_name: the tool that runs a prompt.
        result_name: the tool that waits for a prompt.
    """

    def __init__(self, agent: Agent) -> None:
        # An input that is no object cannot be one of MCP.
        exposed = [exposed.tool for exposed in agent.api.tools if _is_object(tool_input_schema(exposed.tool))]
        names = ToolNameMap([tool.id for tool in exposed] + [_PROMPT_ID, _RESULT_ID])
        self.prompt_name, self.result_name = names.to_function_name(_PROMPT_ID), names.to_function_name(_RESULT_ID)
        self._tools = {names.to_function_name(tool.id): tool for tool in exposed}
        self._list_described = lru_cache(maxsize=32)(self._describe_all)

    def get_tool(self, name: str) -> AnyTool:
        """Return the exposed tool of this name.

        Raises:
            RpcError: there is none.
        """
        if name not in self._tools:
            raise RpcError(INVALID_PARAMS, f"There is no tool {name[:128]!r}; tools/list has them")
        return self._tools[name]

    def list_page(self, permissions: "Collection[str]", cursor: object) -> JsonObject:
        """Return a page of the tools that these permissions allow, in the order of their registration.

        Args:
            permissions: what the user may do.
            cursor: the `nextCursor` of the page before, which is the name of its last tool; None for the first page.

        Raises:
            RpcError: the cursor is not one of this list.
        """
        tools = self._list_described(tuple(permissions))
        names = [tool["name"] for tool in tools]
        if cursor is not None and cursor not in names:
            raise RpcError(INVALID_PARAMS, "The cursor is not the nextCursor of a page of this list")
        start = 0 if cursor is None else names.index(cursor) + 1
        page: JsonObject = {"tools": tools[start : start + PAGE_SIZE]}
        if start + PAGE_SIZE < len(tools):
            page["nextCursor"] = names[start + PAGE_SIZE - 1]
        return page

    def _describe_all(self, permissions: tuple[str, ...]) -> list[JsonObject]:
        usable = [_describe_tool(name, tool) for name, tool in self._tools.items() if tool.is_usable_by(permissions)]
        run = _describe(
            self.prompt_name,
            "Run a prompt",
            "Let this deployment's agent work on a task with its own model and tools, and wait for its answer. If that"
            f" takes too long or a person must approve something, the answer says how to go on with {self.result_name}",
            PromptInput,
            read_only=False,
        )
        wait = _describe(
            self.result_name,
            "Result of a prompt",
            "Wait for a prompt, or for a tool call that was approved, and return its state and its answer",
            ResultInput,
            read_only=True,
        )
        return [*usable, run, wait]


def _describe_tool(name: str, tool: AnyTool) -> JsonObject:
    described: JsonObject = {
        "name": name,
        "title": _make_title(tool.id),
        "description": tool.description,
        "inputSchema": tool_input_schema(tool),
        "annotations": {
            "readOnlyHint": tool.read_only,
            "destructiveHint": tool.is_destructive,
            "idempotentHint": tool.read_only or tool.idempotent,
            "openWorldHint": tool.open_world,
        },
    }
    schema = output_schema(tool.output)
    return {**described, "outputSchema": schema} if _is_object(schema) else described


def _describe(name: str, title: str, description: str, model: type[BaseModel], *, read_only: bool) -> JsonObject:
    return {
        "name": name,
        "title": title,
        "description": description,
        "inputSchema": input_schema(model),
        "outputSchema": output_schema(PromptOutcome),
        "annotations": {
            "readOnlyHint": read_only,
            "destructiveHint": not read_only,
            "idempotentHint": read_only,
            "openWorldHint": not read_only,
        },
    }


def _is_object(schema: JsonObject) -> bool:
    return schema.get("type") == "object"


def _make_title(tool_id: str) -> str:
    """Make a title of an id: `Instances: create` for `instances.create`."""
    first, *rest = (part.replace("_", " ") for part in tool_id.split("."))
    return f"{first.capitalize()}: {' '.join(rest)}"
