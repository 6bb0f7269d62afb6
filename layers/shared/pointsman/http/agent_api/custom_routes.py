"""A bundle's own routes (`agent.api`) as routes of an app of the Agent API."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.routing import Match
from starlette.routing import Route as AppRoute
from starlette.types import Scope

from ...agent import Agent, Route
from ..lambda_adapter import AnyTextResponse
from .app import get_permissions, get_user_id, read_json_body

__all__ = ["add_routes"]


def add_routes(app: FastAPI, agent: Agent) -> Callable[[Scope], bool]:
    """Add the bundle's routes to an app.

    A path with a literal segment takes precedence over one with a parameter in its place, as in API Gateway. A GET
    route serves HEAD, too.

    Args:
        app: the app that serves them, below the prefix.
        agent: the bundle's composed agent.

    Returns:
        A function that says whether a request (an ASGI scope) is for a public route.
    """
    by_path: defaultdict[str, dict[str, Route]] = defaultdict(dict)
    for route in agent.api.routes:
        routes_by_method = by_path[route.path]
        routes_by_method[route.method] = route
        if route.method == "GET":
            routes_by_method["HEAD"] = route
    public: list[AppRoute] = []
    for path, routes_by_method in sorted(by_path.items(), key=_specificity_key):
        endpoint = _create_endpoint(agent, routes_by_method)
        app.router.routes.append(AppRoute(path, endpoint, methods=[*routes_by_method]))
        public_methods = [method for method, route in routes_by_method.items() if route.public]
        if public_methods:
            public.append(AppRoute(path, endpoint, methods=public_methods))
    return lambda scope: any(route.matches(scope)[0] is Match.FULL for route in public)


def _specificity_key(routes: tuple[str, dict[str, Route]]) -> list[bool]:
    return [segment.startswith("{") for segment in routes[0].split("/")]


def _create_endpoint(agent: Agent, routes_by_method: dict[str, Route]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        route = routes_by_method[request.method]
        path = {name: unquote(value) for name, value in request.path_params.items()}
        body = None if route.input is None else await read_json_body(request)
        user_id, permissions, query = get_user_id(request), get_permissions(request), dict(request.query_params)
        return AnyTextResponse(route.call(user_id, agent.services, path, query, body, permissions))

    return endpoint
