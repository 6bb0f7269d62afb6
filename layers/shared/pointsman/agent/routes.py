"""Routes that a bundle adds to the Agent API besides its tools."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import BaseModel

from ..errors import CompositionError, Forbidden, PointsmanError, RouteFailed
from ..identity.permissions import is_granted, is_permission
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
    "/approvals",
    "/prompt",
    "/prompts/{promptId}",
    "/prompts/{promptId}/stream",
    "/prompts/{promptId}/approve",
    "/prompts/{promptId}/reject",
    "/prompts/{promptId}/cancel",
)
"""The Agent API's own paths under its prefix, as in template.yaml: the gateway routes them to other functions."""

_SEGMENT_PATTERN = re.compile(r"[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}")


@dataclass(frozen=True)
class RouteContext:
    """A request to a route.

    Attributes:
        user_id: the caller; empty if a public route is called without an identity.
        services: the agent's service container.
        path: the path parameters, percent-decoded.
        query: the query parameters, percent-decoded.
        body: an instance of the route's input model, None if the route has none.
    """

    user_id: str
    services: Services
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = field(default=None, repr=False)


RouteHandler = Callable[[RouteContext], BaseModel | Mapping[str, object]]


@dataclass(frozen=True)
class Route:
    """A route under the Agent API's prefix.

    Attributes:
        method: the HTTP method.
        path: path under the prefix, like `/hello/{name}`.
        handler: takes the RouteContext and returns the output, or a mapping that fits it.
        summary: one line for the API's documentation.
        tag: tag in the API's documentation.
        input: model of the request body; not for GET.
        output: model of the response body; by default any object.
        public: whether it needs no identity.
        requires: the permission that a caller needs, like `fleet:read`; empty for none.

    Raises:
        CompositionError: the route is not valid, or shadowed by a path of the Agent API.
    """

    method: HttpMethod
    path: str
    handler: RouteHandler
    summary: str = ""
    tag: str | None = None
    input: type[BaseModel] | None = None
    output: type[BaseModel] | None = None
    public: bool = False
    requires: str = ""

    def __post_init__(self) -> None:
        name = f"{self.method} {self.path}"
        if self.method not in get_args(HttpMethod):
            raise CompositionError(f"Route {name}: the method must be one of {', '.join(get_args(HttpMethod))}")
        segments = self.path.split("/")
        if segments[0] or len(segments) < 2 or not all(_SEGMENT_PATTERN.fullmatch(segment) for segment in segments[1:]):
            raise CompositionError(f"Route {name}: a path is like /hello/{{name}}")
        if len(set(self.parameters)) < len(self.parameters):
            raise CompositionError(f"Route {name} has two parameters of one name")
        if reserved := next((path for path in RESERVED_PATHS if _is_shadowing(path, self.path)), None):
            raise CompositionError(f"Route {name}: {reserved} is the Agent API's own")
        if self.requires and (self.public or not is_permission(self.requires)):
            raise CompositionError(f"Route {name}: a permission is like fleet:read, and a public route has none")
        if self.input is not None and self.method == "GET":
            raise CompositionError(f"Route {name}: a GET has no body")

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters, in order."""
        return re.findall(r"\{(\w+)\}", self.path)

    def call(
        self,
        user_id: str,
        services: Services,
        path: Mapping[str, str],
        query: Mapping[str, str],
        raw_body: object = None,
        permissions: Collection[str] = (),
    ) -> object:
        """Validate the body, call the handler, and return its output as JSON values.

        Args:
            user_id: the caller, or an empty string.
            services: the agent's service container.
            path: the path parameters.
            query: the query parameters.
            raw_body: the body as parsed JSON; ignored if the route has no input model.
            permissions: what the caller may do.

        Raises:
            Forbidden: the caller lacks the permission.
            InvalidToolInput: the body does not fit the input model.
            RouteFailed: the handler raised an error that is no PointsmanError, or returned something that is not the
                route's output.
            PointsmanError: the handler raised it.
        """
        if not is_granted(self.requires, permissions):
            raise Forbidden(f"{self.method} {self.path} needs the permission {self.requires}")
        body = None if self.input is None else validate_input(self.input, raw_body, "The request body")
        try:
            result = self.handler(RouteContext(user_id, services, path, query, body))
            return serialize_output(
                self.output or (type(result) if isinstance(result, BaseModel) else _AnyObject), result
            )
        except PointsmanError:
            raise
        except InvalidOutput as invalid:
            name = f"{self.method} {self.path}"
            raise RouteFailed(f"{name} returned something that is not its output: {invalid}") from None
        except (Exception, SystemExit) as error:
            raise RouteFailed(safe_error_text(error, services.secrets.values())) from error


class _AnyObject(BaseModel, extra="allow", defer_build=True):
    """Output of a route without an output model: any object."""


def strip_parameter_names(path: str) -> str:
    """Remove the parameters' names from a path. Two routes with the same result match the same requests."""
    return re.sub(r"\{\w+\}", "{}", path)


def _is_shadowing(reserved: str, path: str) -> bool:
    """Whether the reserved path matches every request that the path matches."""
    reserved_segments, path_segments = reserved.split("/"), path.split("/")
    return len(reserved_segments) == len(path_segments) and all(
        reserved_segment == segment or reserved_segment.startswith("{")
        for reserved_segment, segment in zip(reserved_segments, path_segments, strict=True)
    )
