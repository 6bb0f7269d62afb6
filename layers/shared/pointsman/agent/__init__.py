"""The agent: plugins, the tools that they bring, and what of them clients may call.

Whatever a plugin's author needs is exported here; no web framework, and no decision about instances, may live here.
Called by pointsman.http, by functions/agent, and by the composition root of each bundle.
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
