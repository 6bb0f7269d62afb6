"""The API of a bundle: the tools that it exposes to clients, and its own routes."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel

from ..errors import CompositionError, ToolNotFound
from .container import Services
from .routes import HttpMethod, Route, RouteHandler, strip_parameter_names
from .tool import AnyTool

__all__ = ["ApiService", "ExposedTool"]


@dataclass(frozen=True, slots=True)
class ExposedTool:
    """A tool that clients may call, with its tag in the API's documentation."""

    tool: AnyTool
    tag: str | None


class ApiService:
    """Registry of a bundle's exposed tools and own routes, in the order of their registration.

    Attributes:
        prefix: path prefix of the Agent API, like `/api`.
        is_running: whether it was started; nothing can be registered then.
    """

    def __init__(self, services: Services, prefix: str = "/api") -> None:
        self.services = services
        self.prefix = prefix
        self.is_running = False
        self._tools: dict[str, ExposedTool] = {}
        self._routes: dict[tuple[str, str], Route] = {}

    def expose_tool(self, tool: AnyTool, tag: str | None = None) -> None:
        """Let clients list and call the tool.

        Args:
            tool: any tool, a client-only one too.
            tag: its tag in the API's documentation.

        Raises:
            CompositionError: a tool of this id is exposed already, or the API runs.
        """
        self._require_stopped(f"tool {tool.id}")
        if tool.id in self._tools:
            raise CompositionError(f"A tool {tool.id} is exposed already")
        self._tools[tool.id] = ExposedTool(tool, tag)

    def expose_tools(self, tools: Iterable[AnyTool], tag: str | None = None) -> None:
        """Expose several tools under one tag; see `expose_tool`."""
        for tool in tools:
            self.expose_tool(tool, tag)

    def register_route(
        self,
        method: HttpMethod,
        path: str,
        handler: RouteHandler,
        *,
        summary: str = "",
        tag: str | None = None,
        input: type[BaseModel] | None = None,
        output: type[BaseModel] | None = None,
        public: bool = False,
        requires: str = "",
    ) -> None:
        """Add a route under the prefix. For the arguments see `Route`.

        Raises:
            CompositionError: the route is not valid or conflicts with another one, or the API runs.
        """
        self._require_stopped(f"route {method} {path}")
        route = Route(method, path, handler, summary, tag, input, output, public, requires)
        if (method, strip_parameter_names(path)) in self._routes:
            raise CompositionError(f"There is a route {method} {strip_parameter_names(path)} already")
        other = next(
            (
                existing
                for existing in self.routes
                if strip_parameter_names(existing.path) == strip_parameter_names(path) and existing.path != path
            ),
            None,
        )
        if other is not None:
            raise CompositionError(
                f"Route {method} {path} must name its parameters as {other.method} {other.path} does"
            )
        self._routes[method, strip_parameter_names(path)] = route

    def start(self) -> None:
        """Close the registration of tools and routes.

        Raises:
            CompositionError: it runs already.
        """
        self._require_stopped("another start")
        self.is_running = True

    def stop(self) -> None:
        """Open the registration again."""
        self.is_running = False

    @property
    def tools(self) -> tuple[ExposedTool, ...]:
        """The exposed tools, in the order of their registration."""
        return tuple(self._tools.values())

    @property
    def routes(self) -> tuple[Route, ...]:
        """The bundle's own routes, in the order of their registration."""
        return tuple(self._routes.values())

    def get_tool(self, tool_id: str) -> ExposedTool:
        """Return the exposed tool of this id.

        Raises:
            ToolNotFound: no such tool is exposed.
        """
        if tool_id not in self._tools:
            raise ToolNotFound(f"There is no tool {tool_id[:128]!r}; GET {self.prefix}/tools lists what there is")
        return self._tools[tool_id]

    def _require_stopped(self, subject: str) -> None:
        if self.is_running:
            raise CompositionError(f"The API runs; {subject} comes too late")
