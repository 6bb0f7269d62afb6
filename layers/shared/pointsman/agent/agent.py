"""The agent of a bundle, which a composition root builds."""

from collections.abc import Mapping

from ..settings.api import load_api_prefix
from .api_service import ApiService
from .container import Services
from .plugin import PluginService

__all__ = ["Agent"]


class Agent:
    """Plugins and exposed API of a bundle, with the service container that they share.

    Attributes:
        services: the container; it holds `plugins` and `api` too.
        plugins: registers plugins.
        api: exposes tools and routes to clients.
    """

    def __init__(self, *, secrets: Mapping[str, str] | None = None, prefix: str | None = None) -> None:
        """Build an agent without plugins.

        Args:
            secrets: what plugins may read by name.
            prefix: path prefix of the Agent API, like `/api`; by default the setting API_PREFIX.
        """
        self.services = Services(secrets)
        self.plugins = PluginService(self.services)
        self.api = ApiService(self.services, load_api_prefix() if prefix is None else prefix)
        self.services.provide(PluginService, self.plugins)
        self.services.provide(ApiService, self.api)

    def start(self) -> "Agent":
        """Start the plugins, then the API, and return the agent. Nothing can be registered afterwards.

        Raises:
            CompositionError: it was started before.
        """
        self.plugins.start()
        self.api.start()
        return self
