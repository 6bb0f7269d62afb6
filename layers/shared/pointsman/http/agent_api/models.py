"""Response bodies of the Agent API, as types for its routes and for the OpenAPI document.

Those about prompts are in `prompt_models`.
"""

# ruff: noqa: D101 - a docstring here becomes a description in the OpenAPI documents

from typing import Any, NotRequired

from typing_extensions import TypedDict

__all__ = [
    "AgentError",
    "Capabilities",
    "Problem",
    "ToolListing",
    "ToolResult",
    "Tools",
]


class Problem(TypedDict):
    """What went wrong. `details` are there where there are any: for VALIDATION_ERROR a list of what is wrong where."""

    code: str
    message: str
    details: NotRequired[Any]


class AgentError(TypedDict):
    """Every answer of the Agent API with a status from 400 on."""

    error: Problem


class Capabilities(TypedDict):
    """The ids of the plugins, in the order in which they were registered."""

    plugins: list[str]


class ToolListing(TypedDict):
    """A tool; `input` and `output` are JSON Schemas."""

    id: str
    description: str
    tag: NotRequired[str]
    input: dict[str, Any]
    output: dict[str, Any]


class Tools(TypedDict):
    tools: list[ToolListing]


class ToolResult(TypedDict):
    """What the tool returned; its schema is in its listing, and in the operation of its own."""

    result: Any
