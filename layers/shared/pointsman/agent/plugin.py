"""Plugins, the prompt that they prepare, and the service that registers and starts them."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import CompositionError, InvalidSetting
from ..settings.permissions import ApproverRule, load_tool_approvers
from .container import Services
from .error_text import safe_error_text
from .models import Input
from .tool import AnyTool

__all__ = ["AnyPlugin", "NoConfig", "Plugin", "PluginService", "Prompt"]

C = TypeVar("C", bound=BaseModel)


class NoConfig(Input):
    """Configuration of a plugin that has nothing to configure."""


class Prompt:
    """A prompt before it is advanced: plugins add tools and instructions to it.

    Attributes:
        services: the agent's service container.
        user_id: whose prompt it is.
        prompt_id: the stored prompt.
        conversation_id: its conversation, if it has one.
        permissions: what the user may do.

    Raises:
        InvalidSetting: TOOL_APPROVERS is wrong.
    """

    def __init__(
        self,
        services: Services,
        *,
        user_id: str,
        prompt_id: str,
        conversation_id: str | None = None,
        permissions: Collection[str] = (),
    ) -> None:
        self.services = services
        self.user_id = user_id
        self.prompt_id = prompt_id
        self.conversation_id = conversation_id
        self.permissions = permissions
        self._tools: dict[str, AnyTool] = {}
        self._approvers = load_tool_approvers()
        self._instructions: list[str] = []

    def add_tools(self, *tools: AnyTool) -> None:
        """Let the model call these tools.

        Raises:
            CompositionError: the prompt has another tool of the same id, or a tool is client-only.
            InvalidSetting: somebody else approves the calls of a tool, for which nobody needs a permission.
        """
        for tool in tools:
            if tool.client_only:
                raise CompositionError(f"Tool {tool.id} is for clients only: no model may have it")
        self.add_client_tools(*tools)

    def add_client_tools(self, *tools: AnyTool) -> None:
        """Add tools for a prompt without a model: a call that a client asks for may be of any.

        Raises:
            CompositionError, InvalidSetting: as `add_tools` does.
        """
        for tool in tools:
            if self._tools.setdefault(tool.id, tool) is not tool:
                raise CompositionError(f"The prompt has another tool {tool.id} already")
            if self.get_approver(tool) == "other" and not tool.requires:
                requirement = f"self for {tool.id}, which requires no permission of an approver"
                raise InvalidSetting("TOOL_APPROVERS", requirement)

    def add_instructions(self, text: str) -> None:
        """Add a paragraph to the model's instructions."""
        self._instructions.append(text)

    @property
    def tools(self) -> tuple[AnyTool, ...]:
        """The tools that the model may call, in the order of their addition: those that the user may use."""
        return tuple(tool for tool in self._tools.values() if tool.is_usable_by(self.permissions))

    def find_tool(self, tool_id: str) -> AnyTool | None:
        """Return the tool of this id if it was added, whether the user may use it or not."""
        return self._tools.get(tool_id)

    def find_forbidden_tool(self, tool_id: str) -> AnyTool | None:
        """Return the tool of this id if it was added, but the user may not use it."""
        tool = self._tools.get(tool_id)
        return None if tool is None or tool.is_usable_by(self.permissions) else tool

    def get_approver(self, tool: AnyTool) -> ApproverRule:
        """Return who approves the tool's calls: whom TOOL_APPROVERS names, else whom the tool does."""
        return self._approvers.get(tool.id, tool.approver)

    @property
    def instructions(self) -> tuple[str, ...]:
        """The paragraphs of the model's instructions, in the order of their addition."""
        return tuple(self._instructions)


class Plugin(Generic[C]):
    """Base of plugins.

    Every function of the Agent API imports every plugin, so import databases and HTTP clients in the functions that
    use them.

    Attributes:
        id: unique in a bundle.
        config: model of the configuration.
    """

    id: ClassVar[str]
    config: ClassVar[type[BaseModel]] = NoConfig

    def setup(self, services: Services, config: C) -> None:
        """Set up at registration: keep the configuration, provide services. Other plugins may not be set up yet."""

    def ready(self, services: Services) -> None:
        """Use the services of other plugins. Called after every plugin's `setup`, in the order of registration."""

    def prepare(self, prompt: Prompt) -> None:
        """Add tools and instructions for the model. Called each time that a prompt is advanced."""


AnyPlugin = Plugin[Any]
P = TypeVar("P", bound=AnyPlugin)


class PluginService:
    """Registry of a bundle's plugins, in the order of their registration."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._plugins: dict[str, AnyPlugin] = {}
        self._started = False

    def register(self, plugin: P, config: Mapping[str, object] | BaseModel | None = None) -> P:
        """Validate the configuration, set the plugin up, and return it.

        Args:
            plugin: the plugin.
            config: an instance of its configuration model, or a mapping that fits it; empty by default.

        Raises:
            CompositionError: the id is missing or registered already, the configuration is not valid, or the plugins
                have been started. What `setup` raises is not caught.
        """
        plugin_id = getattr(plugin, "id", "")
        if not plugin_id:
            raise CompositionError(f"Plugin {type(plugin).__name__} has no id")
        if self._started:
            raise CompositionError(f"Plugin {plugin_id} comes too late: the plugins have been started")
        if plugin_id in self._plugins:
            raise CompositionError(f"There is a plugin {plugin_id} already")
        try:
            valid_config = plugin.config.model_validate({} if config is None else config)
        except ValidationError as error:
            raise CompositionError(
                f"The configuration of plugin {plugin_id} is wrong: {safe_error_text(error)}"
            ) from None
        plugin.setup(self._services, valid_config)
        self._plugins[plugin_id] = plugin
        return plugin

    def start(self) -> None:
        """Call every plugin's `ready`, in order. What it raises is not caught.

        Raises:
            CompositionError: they have been started before.
        """
        if self._started:
            raise CompositionError("The plugins have been started already")
        self._started = True
        for plugin in self._plugins.values():
            plugin.ready(self._services)

    def prepare(self, prompt: Prompt) -> None:
        """Call every plugin's `prepare`, in order. What it raises is not caught."""
        for plugin in self._plugins.values():
            plugin.prepare(prompt)

    @property
    def ids(self) -> list[str]:
        """The ids of the plugins, in the order of their registration."""
        return list(self._plugins)

    def get(self, plugin_id: str) -> AnyPlugin:
        """Return the plugin of this id.

        Raises:
            CompositionError: there is none; the message names those that there are.
        """
        if plugin_id not in self._plugins:
            raise CompositionError(f"There is no plugin {plugin_id}, but {', '.join(self._plugins) or 'none'}")
        return self._plugins[plugin_id]
