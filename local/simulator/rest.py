"""REST providers: a table of operations, an authentication, and a shape for failures."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from local.simulator.calls import redacted
from local.simulator.config import Config, ProviderConfig
from local.simulator.engine import Asked, Engine
from local.simulator.faults import Fault
from local.simulator.limiter import Limiter
from local.simulator.shape import Failure
from local.simulator.state import State
from local.simulator.wire import Call, Obj, Reply, as_obj

Handler = Callable[[State, Config, Call], Reply]


@dataclass(frozen=True)
class Operation:
    """One row of a provider's table. `path` is below the provider's base address."""

    name: str
    method: str
    path: str
    handle: Handler


class RestProvider(Protocol):
    """What a provider module hands to `mount`."""

    @property
    def name(self) -> str: ...

    @property
    def base(self) -> str: ...

    @property
    def operations(self) -> tuple[Operation, ...]: ...

    def shape(self, failure: Failure) -> Reply: ...

    def settings(self, config: Config) -> ProviderConfig: ...

    def refusal(self, _state: State, config: Config, call: Call, /) -> Reply | None:
        """The answer to a request whose credentials do not allow it."""
        ...

    def limit_headers(self, limiter: Limiter, _status: int, /) -> dict[str, str]: ...


def mount(app: FastAPI, engine: Engine, provider: RestProvider) -> None:
    """Serve a provider below its base address; anything else there is answered in its own shape."""
    for operation in provider.operations:
        app.add_api_route(
            provider.base + operation.path, _endpoint(engine, provider, operation),
            methods=[operation.method], include_in_schema=False,
        )  # fmt: skip
    unknown = Operation("unknown", "*", "", lambda _state, _config, _call: provider.shape(Failure(404)))
    app.add_api_route(
        provider.base + "/{rest:path}", _endpoint(engine, provider, unknown),
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False,
    )  # fmt: skip


def _endpoint(engine: Engine, provider: RestProvider, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        body, complaint = parsed(raw, request.headers.get("content-type"), request.method)
        path = {name: str(value) for name, value in request.path_params.items()}
        query = tuple(request.query_params.multi_items())
        headers = dict(request.headers)

        def work(now: float, _fault: Fault | None) -> Reply:
            call = Call(operation.name, path, query, headers, body, now)
            refusal = provider.refusal(engine.state, engine.config, call)
            if refusal is not None:
                return refusal
            if complaint is not None:
                return provider.shape(Failure(400, complaint))
            return operation.handle(engine.state, engine.config, call)

        shown = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        asked = Asked(
            provider.name, (operation.name,), request.method, shown, shown + "\n" + raw.decode("utf-8", "replace"),
            sorted(headers), redacted(body, graphql=False), request.method != "GET", work, provider.shape,
            provider.settings, provider.limit_headers,
        )  # fmt: skip
        return await engine.answer(asked)

    return endpoint


def parsed(raw: bytes, content_type: str | None, method: str) -> tuple[Obj, str | None]:
    """The JSON object of a body, and what is wrong with it."""
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


def bearer(call: Call) -> str | None:
    """The token of an Authorization header of the Bearer scheme."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme == "Bearer" else None
