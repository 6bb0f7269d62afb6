"""Plugins: what they are, and the service that sets them up in order."""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import CompositionError
from .container import Services
from .error_text import safe_error_text
from .models import Input
from .tool import AnyTool

__all__ = ["AnyPlugin", "NoConfig", "Plugin", "PluginService", "Prompt"]

C = TypeVar("C", bound=BaseModel)


class NoConfig(Input):
    """The configuration of a plugin that has none."""


class Prompt:
    """A prompt that is about to run, for plugins to add to. `conversation_id` is None for one that stands alone."""

    def __init__(self, services: Services, *, user_id: str, prompt_id: str, conversation_id: str | None = None) -> None:
        self.services = services
        self.user_id = user_id
        self.prompt_id = prompt_id
        self.conversation_id = conversation_id
        self._tools: dict[str, AnyTool] = {}
        self._instructions: list[str] = []

    def add_tools(self, *tools: AnyTool) -> None:
        """Let the model call these tools. Raises CompositionError for one of the same id, or one for clients only."""
        for tool in tools:
            if tool.client_only:
                raise CompositionError(f"Tool {tool.id} is for clients only: no model may have it")
            if self._tools.setdefault(tool.id, tool) is not tool:
                raise CompositionError(f"The prompt has another tool {tool.id} already")

    def add_instructions(self, text: str) -> None:
        """Tell the model this, before the user's input."""
        self._instructions.append(text)

    @property
    def tools(self) -> tuple[AnyTool, ...]:
        return tuple(self._tools.values())

    @property
    def instructions(self) -> tuple[str, ...]:
        return tuple(self._instructions)


class Plugin(Generic[C]):
    """A plugin. Subclass it, with an `id`, and a model as `config` if there is something to configure.

    What it loads is paid by every cold start: import databases and HTTP clients in the functions that use them.
    """

    id: ClassVar[str]
    config: ClassVar[type[BaseModel]] = NoConfig

    def setup(self, services: Services, config: C) -> None:
        """Called when it is registered: provide services here; others' may not be there yet."""

    def ready(self, services: Services) -> None:
        """Called once all plugins are set up, in the order of their registration: use others' services here."""

    def prepare(self, prompt: Prompt) -> None:
        """Called for each prompt: add tools and instructions for the model."""


AnyPlugin = Plugin[Any]
P = TypeVar("P", bound=AnyPlugin)


class PluginService:
    """The plugins of a bundle, in the order of their registration."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._plugins: dict[str, AnyPlugin] = {}
        self._started = False

    def register(self, plugin: P, config: Mapping[str, object] | BaseModel | None = None) -> P:
        """Set the plugin up with its configuration, a model or what fits one, and return it.

        Raises CompositionError for a second one of the same id, after the start, and for a wrong configuration; and
        whatever `setup` raises.
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
        """Call every plugin's `ready`, in order. Raises CompositionError the second time, and whatever they raise."""
        if self._started:
            raise CompositionError("The plugins have been started already")
        self._started = True
        for plugin in self._plugins.values():
            plugin.ready(self._services)

    def prepare(self, prompt: Prompt) -> None:
        """Let every plugin add to the prompt, in order."""
        for plugin in self._plugins.values():
            plugin.prepare(prompt)

    @property
    def ids(self) -> list[str]:
        return list(self._plugins)

    def get(self, plugin_id: str) -> AnyPlugin:
        """The plugin of this id. Raises CompositionError, naming those that there are."""
        if plugin_id not in self._plugins:
            raise CompositionError(f"There is no plugin {plugin_id}, but {', '.join(self._plugins) or 'none'}")
        return self._plugins[plugin_id]
