"""What of a bundle clients may call: the tools that it exposes and the routes that it adds."""

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
    """A tool that clients may call, and the tag under which the documentation has it."""

    tool: AnyTool
    tag: str | None


class ApiService:
    """The tools and routes of a bundle, in the order in which they were exposed. `prefix` is like `/api`."""

    def __init__(self, services: Services, prefix: str = "/api") -> None:
        self.services = services
        self.prefix = prefix
        self.is_running = False
        self._tools: dict[str, ExposedTool] = {}
        self._routes: dict[tuple[str, str], Route] = {}

    def expose_tool(self, tool: AnyTool, tag: str | None = None) -> None:
        """Let clients list, read about and call the tool. Raises CompositionError for a second one of the same id."""
        self._require_stopped(f"tool {tool.id}")
        if tool.id in self._tools:
            raise CompositionError(f"A tool {tool.id} is exposed already")
        self._tools[tool.id] = ExposedTool(tool, tag)

    def expose_tools(self, tools: Iterable[AnyTool], tag: str | None = None) -> None:
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
    ) -> None:
        """Add a route under the prefix. Raises CompositionError for one that would answer another's requests."""
        self._require_stopped(f"route {method} {path}")
        route = Route(method, path, handler, summary, tag, input, output, public)
        if (method, strip_parameter_names(path)) in self._routes:
            raise CompositionError(f"There is a route {method} {strip_parameter_names(path)} already")
        other = next(
            (
                one
                for one in self.routes
                if strip_parameter_names(one.path) == strip_parameter_names(path) and one.path != path
            ),
            None,
        )
        if other is not None:
            raise CompositionError(
                f"Route {method} {path} must name its parameters as {other.method} {other.path} does"
            )
        self._routes[method, strip_parameter_names(path)] = route

    def start(self) -> None:
        """Take no more tools and routes. Raises CompositionError where it runs already."""
        self._require_stopped("another start")
        self.is_running = True

    def stop(self) -> None:
        """Take tools and routes again."""
        self.is_running = False

    @property
    def tools(self) -> tuple[ExposedTool, ...]:
        return tuple(self._tools.values())

    @property
    def routes(self) -> tuple[Route, ...]:
        return tuple(self._routes.values())

    def get_tool(self, tool_id: str) -> ExposedTool:
        """The exposed tool of this id. Raises ToolNotFound."""
        if tool_id not in self._tools:
            raise ToolNotFound(f"There is no tool {tool_id[:128]!r}; GET {self.prefix}/tools lists what there is")
        return self._tools[tool_id]

    def _require_stopped(self, subject: str) -> None:
        if self.is_running:
            raise CompositionError(f"The API runs; {subject} comes too late")
