"""The agent: plugins, their tools, and the tools and routes that a bundle exposes to clients.

Exports what the author of a plugin or of a composition root needs (docs/agent.md). Never knows a web framework, and
decides nothing about instances or stored prompts.

Subpackages:
    loop: advances a prompt by model turns and tool calls
    model: client of the model's API
    plugins: the plugins that come with the bundle

Called by pointsman.http, functions/agent, functions/tasks/advance_prompt and each bundle's composition root.
"""

from .agent import Agent
from .api_service import ApiService, ExposedTool
from .container import Secrets, Services
from .error_text import safe_error_text
from .json_schema import describe_tool
from .models import Input, Output, Timestamp
from .plugin import NoConfig, Plugin, PluginService, Prompt
from .routes import Route, RouteContext
from .tool import Invocation, Tool, ToolContext

__all__ = [
    "Agent",
    "ApiService",
    "ExposedTool",
    "Input",
    "Invocation",
    "NoConfig",
    "Output",
    "Plugin",
    "PluginService",
    "Prompt",
    "Route",
    "RouteContext",
    "Secrets",
    "Services",
    "Timestamp",
    "Tool",
    "ToolContext",
    "describe_tool",
    "safe_error_text",
]
