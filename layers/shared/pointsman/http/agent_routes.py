"""The routes that a bundle adds to the Agent API, as routes of an app."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.routing import Route as AppRoute
from starlette.types import Scope

from ..agent import Agent, Route
from .agent_app import body_of, user_of

__all__ = ["add_routes"]


def add_routes(app: FastAPI, agent: Agent) -> Callable[[Scope], bool]:
    """Add the bundle's routes to the app, and return what tells whether a request is for a public one.

    As the gateway does for its own, a path that is written out goes before one with a parameter in its place. GET is
    HEAD too.
    """
    by_path: defaultdict[str, dict[str, Route]] = defaultdict(dict)
    for route in agent.api.routes:
        same = by_path[route.path]
        same[route.method] = route
        if route.method == "GET":
            same["HEAD"] = route
    public: list[AppRoute] = []
    for path, same in sorted(by_path.items(), key=_generality):
        endpoint = _endpoint(agent, same)
        app.router.routes.append(AppRoute(path, endpoint, methods=[*same]))
        open_to_all = [method for method, route in same.items() if route.public]
        if open_to_all:
            public.append(AppRoute(path, endpoint, methods=open_to_all))
    return lambda scope: any(route.matches(scope)[0] is Match.FULL for route in public)


def _generality(routes: tuple[str, dict[str, Route]]) -> list[bool]:
    return [segment.startswith("{") for segment in routes[0].split("/")]


def _endpoint(agent: Agent, routes: dict[str, Route]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        route = routes[request.method]
        path = {name: unquote(value) for name, value in request.path_params.items()}
        body = None if route.input is None else await body_of(request)
        return JSONResponse(route.call(user_of(request), agent.services, path, dict(request.query_params), body))

    return endpoint
