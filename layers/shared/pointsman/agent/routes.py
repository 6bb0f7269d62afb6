"""Routes that a bundle adds to the Agent API, beside its tools."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import BaseModel

from ..errors import CompositionError, PointsmanError, RouteFailed
from .container import Services
from .error_text import safe_error_text
from .validation import InvalidOutput, serialize_output, validate_input

__all__ = ["RESERVED_PATHS", "HttpMethod", "Route", "RouteContext", "RouteHandler", "strip_parameter_names"]

HttpMethod = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

RESERVED_PATHS = (
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

_SEGMENT_PATTERN = re.compile(r"[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}")


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

    method: HttpMethod
    path: str
    handler: RouteHandler
    summary: str = ""
    tag: str | None = None
    input: type[BaseModel] | None = None
    output: type[BaseModel] | None = None
    public: bool = False

    def __post_init__(self) -> None:
        name = f"{self.method} {self.path}"
        if self.method not in get_args(HttpMethod):
            raise CompositionError(f"Route {name}: the method must be one of {', '.join(get_args(HttpMethod))}")
        segments = self.path.split("/")
        if segments[0] or len(segments) < 2 or not all(_SEGMENT_PATTERN.fullmatch(segment) for segment in segments[1:]):
            raise CompositionError(f"Route {name}: a path is like /hello/{{name}}")
        if len(set(self.parameters)) < len(self.parameters):
            raise CompositionError(f"Route {name} has two parameters of one name")
        if reserved := next((own for own in RESERVED_PATHS if _is_shadowing(own, self.path)), None):
            raise CompositionError(f"Route {name}: {reserved} is the Agent API's own")
        if self.input is not None and self.method == "GET":
            raise CompositionError(f"Route {name}: a GET has no body")

    @property
    def parameters(self) -> list[str]:
        """The names of the path's parameters, in order."""
        return re.findall(r"\{(\w+)\}", self.path)

    def call(
        self,
        user_id: str,
        services: Services,
        path: Mapping[str, str],
        query: Mapping[str, str],
        raw_body: object = None,
    ) -> object:
        """Call the route, with the body as parsed JSON; what it returns as JSON.

        Raises InvalidToolInput, errors of ours that the handler raises, and RouteFailed for all others.
        """
        body = None if self.input is None else validate_input(self.input, raw_body, "The request body")
        try:
            result = self.handler(RouteContext(user_id, services, path, query, body))
            return serialize_output(
                self.output or (type(result) if isinstance(result, BaseModel) else _AnyObject), result
            )
        except PointsmanError:
            raise
        except InvalidOutput as wrong:
            name = f"{self.method} {self.path}"
            raise RouteFailed(f"{name} returned something that is not its output: {wrong}") from None
        except (Exception, SystemExit) as error:
            raise RouteFailed(safe_error_text(error, services.secrets.values())) from error


class _AnyObject(BaseModel, extra="allow", defer_build=True):
    """The output of a route that does not say what it returns: any object."""


def strip_parameter_names(path: str) -> str:
    """The path without the names of its parameters: two routes of one shape would answer the same requests."""
    return re.sub(r"\{\w+\}", "{}", path)


def _is_shadowing(reserved: str, path: str) -> bool:
    """Whether each request for this path is one for our own."""
    reserved_segments, path_segments = reserved.split("/"), path.split("/")
    return len(reserved_segments) == len(path_segments) and all(
        mine == its or mine.startswith("{") for mine, its in zip(reserved_segments, path_segments, strict=True)
    )
