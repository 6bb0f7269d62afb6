"""Routes that a bundle adds to the Agent API, beside its tools."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import BaseModel

from ..errors import CompositionError, PointsmanError, RouteFailed
from .checking import NotItsOutput, read, written
from .services import Services
from .telling import readable

__all__ = ["OWN_PATHS", "Method", "Route", "RouteContext", "RouteHandler", "shape"]

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

OWN_PATHS = (
    "/capabilities",
    "/tools",
    "/tools/{toolId}/invoke",
    "/openapi.json",
    "/docs",
    "/docs/{asset}",
    "/prompt",
    "/prompts/{promptId}",
    "/prompts/{promptId}/stream",
    "/prompts/{promptId}/approve",
    "/prompts/{promptId}/reject",
    "/prompts/{promptId}/cancel",
)
"""The Agent API's own paths under its prefix; the gateway would never hand them to another route."""

_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}")


@dataclass(frozen=True)
class RouteContext:
    """A request to a route.

    `user_id` is empty where a public route is called by nobody. `path` and `query` are decoded. `body` is an instance
    of the route's input model, None where it has none.
    """

    user_id: str
    services: Services
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = field(default=None, repr=False)


RouteHandler = Callable[[RouteContext], BaseModel | Mapping[str, object]]


@dataclass(frozen=True)
class Route:
    """A route under the prefix. `path` is like `/hello/{name}`; `public` ones need no identity.

    Raises CompositionError for what cannot be.
    """

    method: Method
    path: str
    handler: RouteHandler
    summary: str = ""
    tag: str | None = None
    input: type[BaseModel] | None = None
    output: type[BaseModel] | None = None
    public: bool = False

    def __post_init__(self) -> None:
        name = f"{self.method} {self.path}"
        if self.method not in get_args(Method):
            raise CompositionError(f"Route {name}: the method must be one of {', '.join(get_args(Method))}")
        segments = self.path.split("/")
        if segments[0] or len(segments) < 2 or not all(_SEGMENT.fullmatch(segment) for segment in segments[1:]):
            raise CompositionError(f"Route {name}: a path is like /hello/{{name}}")
        if len(set(self.parameters)) < len(self.parameters):
            raise CompositionError(f"Route {name} has two parameters of one name")
        if own := next((own for own in OWN_PATHS if _covers(own, self.path)), None):
            raise CompositionError(f"Route {name}: {own} is the Agent API's own")
        if self.input is not None and self.method == "GET":
            raise CompositionError(f"Route {name}: a GET has no body")

    @property
    def parameters(self) -> list[str]:
        """The names of the path's parameters, in order."""
        return re.findall(r"\{(\w+)\}", self.path)

    def call(
        self, user_id: str, services: Services, path: Mapping[str, str], query: Mapping[str, str], raw: object = None
    ) -> object:
        """Call the route, with the body as parsed JSON; what it returns as JSON.

        Raises InvalidToolInput, errors of ours that the handler raises, and RouteFailed for all others.
        """
        body = None if self.input is None else read(self.input, raw, "The request body")
        try:
            result = self.handler(RouteContext(user_id, services, path, query, body))
            return written(self.output or (type(result) if isinstance(result, BaseModel) else _Anything), result)
        except PointsmanError:
            raise
        except NotItsOutput as wrong:
            name = f"{self.method} {self.path}"
            raise RouteFailed(f"{name} returned something that is not its output: {wrong}") from None
        except (Exception, SystemExit) as error:
            raise RouteFailed(readable(error, services.secrets.values())) from error


class _Anything(BaseModel, extra="allow", defer_build=True):
    """The output of a route that does not say what it returns: any object."""


def shape(path: str) -> str:
    """The path without the names of its parameters: two routes of one shape would answer the same requests."""
    return re.sub(r"\{\w+\}", "{}", path)


def _covers(own: str, path: str) -> bool:
    """Whether each request for this path is one for our own."""
    ours, theirs = own.split("/"), path.split("/")
    return len(ours) == len(theirs) and all(
        mine == its or mine.startswith("{") for mine, its in zip(ours, theirs, strict=True)
    )
