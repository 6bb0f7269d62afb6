"""A bundle's agent: the parts that a composition root puts together."""

from collections.abc import Mapping

from ..settings.api import load_api_prefix
from .api_service import ApiService
from .container import Services
from .plugin import PluginService

__all__ = ["Agent"]


class Agent:
    """The service container, with the PluginService and the ApiService in it.

    `secrets` are what the bundle lets its plugins know; `prefix` is the setting API_PREFIX unless it is given.
    """

    def __init__(self, *, secrets: Mapping[str, str] | None = None, prefix: str | None = None) -> None:
        self.services = Services(secrets)
        self.plugins = PluginService(self.services)
        self.api = ApiService(self.services, load_api_prefix() if prefix is None else prefix)
        self.services.provide(PluginService, self.plugins)
        self.services.provide(ApiService, self.api)

    def start(self) -> "Agent":
        """Make the plugins ready, then the API; nothing can be registered afterwards."""
        self.plugins.start()
        self.api.start()
        return self
