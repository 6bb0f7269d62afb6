"""Mounting of REST providers: a table of operations, authorization, and an error shape."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from local.simulator.config import Config, ProviderConfig
from local.simulator.engine.call_log import redact_body
from local.simulator.engine.engine import Engine, IncomingCall
from local.simulator.engine.faults import Fault
from local.simulator.engine.rate_limiter import RateLimiter
from local.simulator.http.messages import ApiCall, Obj, Reply, as_obj
from local.simulator.http.provider_errors import ErrorDetails
from local.simulator.state.store import State

Handler = Callable[[State, Config, ApiCall], Reply]


@dataclass(frozen=True)
class ApiOperation:
    """One row of a provider's table; `path` is relative to the provider's base path."""

    name: str
    method: str
    path: str
    handler: Handler


class RestProvider(Protocol):
    """What a provider passes to `mount_provider`."""

    @property
    def name(self) -> str:
        """The provider's name in faults, calls and configuration."""
        ...

    @property
    def base_path(self) -> str:
        """The path below the origin, such as `/telnyx/v2`."""
        ...

    @property
    def operations(self) -> tuple[ApiOperation, ...]:
        """The endpoints; a path without a match gets a 404 in the provider's shape."""
        ...

    def render_error(self, failure: ErrorDetails) -> Reply:
        """Render an error in the provider's shape."""
        ...

    def select_config(self, config: Config) -> ProviderConfig:
        """Select the provider's part of the configuration."""
        ...

    def authorize(self, _state: State, config: Config, call: ApiCall, /) -> Reply | None:
        """Return the error response for insufficient credentials, None when the call is authorized."""
        ...

    def rate_limit_headers(self, limiter: RateLimiter, _status: int, /) -> dict[str, str]:
        """Build the rate-limit headers for a response with this status."""
        ...


def mount_provider(app: FastAPI, engine: Engine, provider: RestProvider) -> None:
    """Serve a provider below its base path; unknown paths get a 404 in the provider's shape."""
    for operation in provider.operations:
        app.add_api_route(
            provider.base_path + operation.path, _create_endpoint(engine, provider, operation),
            methods=[operation.method], include_in_schema=False,
        )  # fmt: skip
    unknown = ApiOperation("unknown", "*", "", lambda _state, _config, _call: provider.render_error(ErrorDetails(404)))
    app.add_api_route(
        provider.base_path + "/{rest:path}", _create_endpoint(engine, provider, unknown),
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False,
    )  # fmt: skip


def _create_endpoint(
    engine: Engine, provider: RestProvider, operation: ApiOperation
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        body, body_error = parse_json_body(raw, request.headers.get("content-type"), request.method)
        path = {name: str(value) for name, value in request.path_params.items()}
        query = tuple(request.query_params.multi_items())
        headers = dict(request.headers)

        def execute(now: float, _fault: Fault | None) -> Reply:
            call = ApiCall(operation.name, path, query, headers, body, now)
            denial = provider.authorize(engine.state, engine.config, call)
            if denial is not None:
                return denial
            if body_error is not None:
                return provider.render_error(ErrorDetails(400, body_error))
            return operation.handler(engine.state, engine.config, call)

        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        incoming_call = IncomingCall(
            provider.name,
            (operation.name,),
            request.method,
            target,
            target + "\n" + raw.decode("utf-8", "replace"),
            sorted(headers),
            redact_body(body, is_graphql=False),
            request.method != "GET",
            execute,
            provider.render_error,
            provider.select_config,
            provider.rate_limit_headers,
        )
        return await engine.handle_call(incoming_call)

    return endpoint


def parse_json_body(raw: bytes, content_type: str | None, method: str) -> tuple[Obj, str | None]:
    """Parse a JSON object; return it with an error message, which is None for a valid body."""
    if not raw:
        return {}, None
    if method in ("GET", "DELETE"):
        return {}, "This request takes no body"
    if (content_type or "").split(";")[0].strip().lower() != "application/json":
        return {}, "Content-Type must be application/json"
    try:
        value: object = json.loads(raw)
    except ValueError:
        return {}, "Body is not valid JSON"
    if not isinstance(value, dict):
        return {}, "Body must be a JSON object"
    return as_obj(value), None  # pyright: ignore[reportUnknownArgumentType]


def get_bearer_token(call: ApiCall) -> str | None:
    """Return the token of an `Authorization: Bearer` header; the scheme is case-sensitive."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme == "Bearer" else None
