"""The gateway: HTTP API and REST APIs under one address, as CloudFront puts them, with authorizers and limits."""

import asyncio
import json
import os
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import ClientConnectionResetError, web

from local.api_gateway.connections import (
    ConnectionLimits,
    ConnectionServer,
    GatewayConnection,
    build_http_error,
    is_supported_http,
)
from local.api_gateway.edge import refuse_at_edge, refuse_slow_body
from local.api_gateway.http_api_events import build_http_authorizer_event, build_http_event
from local.api_gateway.http_request import BodyTooLarge, HttpRequest, read_request
from local.api_gateway.prelude import InvalidPrelude, read_prelude
from local.api_gateway.responses import (
    GatewayError,
    build_http_api_response,
    build_rest_api_response,
    build_streaming_response,
    build_too_large_response,
)
from local.api_gateway.rest_api_events import (
    build_method_arn,
    build_rest_authorizer_event,
    build_rest_event,
    evaluate_authorizer_response,
)
from local.api_gateway.router import RouteMatch, match_route
from local.console import Console
from local.json_values import mapping_or_empty
from local.lambda_service.invocation import Invocation, InvocationResult
from local.lambda_service.service import LambdaService, PayloadTooLarge, TooManyRequests
from local.template.apis import Authorizer, RestApi
from local.template.sam_template import Template

SERVER_HEADER = f"pointsman-local (pid {os.getpid()})"
CONTROL_PREFIX = "/_local/"
STREAM_IDLE_TIMEOUT = 300.0
"""Seconds without a chunk after which a stream is cut (5 minutes, API Gateway quotas for regional REST APIs)."""

STREAM_WRITE_TIMEOUT = 30.0
"""Seconds that a client may take to read a chunk of a stream (64 KB at most)."""

MAX_CACHED_RESULTS = 1000
"""Results of authorizers that are kept; for a further one the oldest is dropped."""

_ACCEPTED_AT_ONCE = 100
_BACKLOG = 1024

ControlHandler = Callable[[HttpRequest], Awaitable[web.Response]]


@dataclass
class _GatewayResponse:
    response: web.StreamResponse
    function_name: str = "-"
    invocation: Invocation | None = None
    first_chunk: bytes = b""
    deadline: float = 0.0


class Gateway:
    """Serves the routes of a template.

    Args:
        template: Has the routes and authorizers.
        lambda_service: Invokes functions.
        console: Prints a line for each request, and warnings.
        integration_timeout: Seconds that the HTTP API waits for a function.
        control: Handles requests below `/_local/`.
        idle_timeout: Seconds that a stream may be silent before it is cut.
        write_timeout: Seconds that a client may take to read a chunk of a stream before that is cut.
        limits: How many connections there may be, and how long each may wait for its client; the
            defaults without.
    """

    def __init__(
        self,
        template: Template,
        lambda_service: LambdaService,
        console: Console,
        integration_timeout: float,
        control: ControlHandler,
        idle_timeout: float = STREAM_IDLE_TIMEOUT,
        write_timeout: float = STREAM_WRITE_TIMEOUT,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self._template = template
        self._lambda_service = lambda_service
        self._console = console
        self._integration_timeout = integration_timeout
        self._control = control
        self._idle_timeout = idle_timeout
        self._write_timeout = write_timeout
        self._limits = limits or ConnectionLimits()
        self._invoke_tasks: set[asyncio.Task[InvocationResult]] = set()
        self._server_runner: web.ServerRunner | None = None
        self._port = 0
        self._authorizer_cache: dict[tuple[str, ...], tuple[float, dict[str, Any]]] = {}

    async def start(self, listener: socket.socket) -> None:
        """Listen on a socket that is bound already.

        Raises:
            OSError: Another program listens on the address meanwhile.
        """
        self._port = int(listener.getsockname()[1])
        server = ConnectionServer(self._handle, self._limits, SERVER_HEADER)
        self._server_runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._server_runner.setup()
        # asyncio accepts as many connections at once, before the limits on them can act ...
        await web.SockSite(self._server_runner, listener, backlog=_ACCEPTED_AT_ONCE).start()
        # ... and as many wait in the operating system.
        listener.listen(_BACKLOG)

    async def stop(self) -> None:
        """Stop listening; requests in progress get one second to end."""
        if self._server_runner is not None:
            await self._server_runner.cleanup()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        started_at = time.monotonic()
        request_id = str(uuid.uuid4())
        path = incoming.raw_path.split("?", 1)[0]
        try:
            gateway_response = await self._route_request(incoming, request_id)
        except GatewayError as gateway_error:
            gateway_response = _GatewayResponse(gateway_error.build_response(request_id))
        except (ClientConnectionResetError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001 - the client gets a response after any error
            self._console.warn(f"the gateway failed on {incoming.method} {path}: {error!r}")
            internal_error = GatewayError(500, "Internal Server Error")
            gateway_response = _GatewayResponse(internal_error.build_response(request_id))
        response = gateway_response.response
        self._add_cors_headers(incoming, path, response)
        response.headers["Server"] = SERVER_HEADER
        response.headers["apigw-requestid"] = request_id
        try:
            if gateway_response.invocation is not None:
                await self._relay_stream(incoming, gateway_response, gateway_response.invocation)
        finally:
            seconds = time.monotonic() - started_at
            self._console.log_request(
                incoming.method, path, response.status, seconds, gateway_response.function_name, request_id
            )
        return response

    def _add_cors_headers(self, incoming: web.BaseRequest, path: str, response: web.StreamResponse) -> None:
        cors = self._template.distribution.cors
        if cors is not None and "Access-Control-Allow-Origin" not in response.headers:
            response.headers.update(cors.build_headers(path, incoming.headers.get("Origin", "")))

    def _add_origin_headers(self, request: HttpRequest) -> HttpRequest:
        added = self._template.distribution.origin_headers
        names = {name for name, _ in added}
        return replace(request, headers=(*(pair for pair in request.headers if pair[0].lower() not in names), *added))

    async def _route_request(self, incoming: web.BaseRequest, request_id: str) -> _GatewayResponse:
        if not is_supported_http(incoming):
            return _GatewayResponse(build_http_error(400))
        body_limit = self._template.distribution.body_limit
        refusal = refuse_at_edge(incoming, body_limit, request_id)
        if refusal is not None:
            return _GatewayResponse(refusal)
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                request = await read_request(incoming, self._port, request_id)
        except BodyTooLarge:
            return self._refuse_body(incoming)
        except TimeoutError:
            return _GatewayResponse(refuse_slow_body(incoming, body_limit, request_id))
        if isinstance(incoming.protocol, GatewayConnection):
            incoming.protocol.begin_handling()
        if request.raw_path.startswith(CONTROL_PREFIX):
            return _GatewayResponse(await self._control(request), "local")
        route_match = match_route(self._template.routes, request.method, request.raw_path)
        if route_match is None:
            raise GatewayError(404, "Not Found")
        name, request = route_match.route.function, self._add_origin_headers(request)
        try:
            if route_match.route.rest_api is not None:
                return await self._handle_rest_request(request, route_match, route_match.route.rest_api)
            authorizer_context = await self._authorize(request, route_match)
            result = await self._invoke(
                name, build_http_event(request, route_match, authorizer_context), self._integration_timeout
            )
            return _GatewayResponse(build_http_api_response(result), name)
        except GatewayError as gateway_error:
            return _GatewayResponse(gateway_error.build_response(request_id, route_match.route.rest_api), name)

    def _refuse_body(self, incoming: web.BaseRequest) -> _GatewayResponse:
        route_match = match_route(self._template.routes, incoming.method.upper(), incoming.raw_path.split("?", 1)[0])
        return _GatewayResponse(build_too_large_response(route_match.route.rest_api if route_match else None))

    async def _authorize(self, request: HttpRequest, route_match: RouteMatch) -> dict[str, Any] | None:
        if route_match.route.authorizer is None:
            return None
        authorizer = self._template.authorizers[route_match.route.authorizer]
        authorizer_response = await self._invoke_authorizer(
            route_match.route.authorizer,
            authorizer,
            request,
            build_http_authorizer_event(request, route_match, authorizer.identity_headers),
        )
        is_allowed = authorizer_response.get("isAuthorized")
        if not isinstance(is_allowed, bool):
            raise GatewayError(500, "Internal Server Error")
        if not is_allowed:
            raise GatewayError(403, "Forbidden")
        return mapping_or_empty(authorizer_response.get("context"))

    async def _invoke_authorizer(
        self, authorizer_key: str, authorizer: Authorizer, request: HttpRequest, event: dict[str, Any]
    ) -> dict[str, Any]:
        identity = tuple(request.header(name) for name in authorizer.identity_headers)
        if not all(identity):
            raise GatewayError(401, "Unauthorized", "UNAUTHORIZED")
        key, now = (authorizer_key, *identity), time.monotonic()
        expires_at, cached_response = self._authorizer_cache.get(key, (0.0, {}))
        if now < expires_at:
            return cached_response
        response = _parse_json_object(await self._invoke(authorizer.function, event, self._integration_timeout))
        if authorizer.ttl and response:
            self._authorizer_cache.pop(key, None)
            self._authorizer_cache[key] = (now + authorizer.ttl, response)
            if len(self._authorizer_cache) > MAX_CACHED_RESULTS:
                del self._authorizer_cache[next(iter(self._authorizer_cache))]
        return response

    async def _handle_rest_request(
        self, request: HttpRequest, route_match: RouteMatch, api: RestApi
    ) -> _GatewayResponse:
        name, authorizer_context = route_match.route.function, None
        if route_match.route.authorizer is not None:
            authorizer = self._template.authorizers[route_match.route.authorizer]
            authorizer_response = await self._invoke_authorizer(
                route_match.route.authorizer,
                authorizer,
                request,
                build_rest_authorizer_event(request, route_match, api),
            )
            try:
                authorizer_context = evaluate_authorizer_response(authorizer_response, build_method_arn(request, api))
            except ValueError:
                raise GatewayError(500, "Internal server error", "AUTHORIZER_CONFIGURATION_ERROR") from None
            if authorizer_context is None:
                raise GatewayError(403, "User is not authorized to access this resource", "ACCESS_DENIED")
        event = build_rest_event(request, route_match, api, authorizer_context)
        if route_match.route.streaming:
            return await self._open_stream(name, event, route_match.route.timeout)
        result = await self._invoke(name, event, route_match.route.timeout, api)
        return _GatewayResponse(build_rest_api_response(result, request, api), name)

    async def _open_stream(self, name: str, event: dict[str, Any], timeout: float) -> _GatewayResponse:
        """Invoke a function and wait for the prelude of its response."""
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            invocation = self._lambda_service.invoke_with_response_stream(name, _encode_event(event))
        except PayloadTooLarge:
            raise GatewayError(413, "Request Too Long", "REQUEST_TOO_LARGE") from None
        except TooManyRequests:
            raise GatewayError(500, "Internal server error") from None
        assert invocation.response_stream is not None
        try:
            async with asyncio.timeout(min(timeout, self._idle_timeout)):
                prelude = await read_prelude(invocation.response_stream)
        except BaseException as error:
            self._lambda_service.abandon(invocation)
            if isinstance(error, TimeoutError):
                raise GatewayError(504, "Endpoint request timed out", "INTEGRATION_TIMEOUT") from None
            if isinstance(error, InvalidPrelude):
                self._warn_failure(name, invocation, "its response does not start with a prelude")
                raise GatewayError(502, "Internal server error") from None
            raise
        return _GatewayResponse(build_streaming_response(prelude), name, invocation, prelude.first_chunk, deadline)

    async def _relay_stream(
        self, incoming: web.BaseRequest, gateway_response: _GatewayResponse, invocation: Invocation
    ) -> None:
        """Relay a stream to the client, chunk by chunk, until it ends or the client is gone."""
        response, response_stream = gateway_response.response, invocation.response_stream
        assert response_stream is not None
        has_no_body = incoming.method == "HEAD" or response.status in (204, 304)
        try:
            await response.prepare(incoming)
            async with asyncio.timeout_at(gateway_response.deadline):
                data: bytes | None = gateway_response.first_chunk
                while data is not None:
                    if data and not has_no_body:
                        async with asyncio.timeout(self._write_timeout):
                            await response.write(data)
                    async with asyncio.timeout(self._idle_timeout):
                        data = await response_stream.get()
            if response_stream.failed:
                self._warn_failure(gateway_response.function_name, invocation, "its stream broke off")
                _abort_connection(incoming)
        except TimeoutError:
            self._console.warn(f"{gateway_response.function_name}: its stream was silent or took too long, and was cut")
            if incoming.transport is not None:
                incoming.transport.abort()  # Also what a client that does not read has not taken.
        except ConnectionResetError:
            pass  # The client has closed the connection.
        finally:
            self._lambda_service.abandon(invocation)

    def _warn_failure(self, name: str, invocation: Invocation, reason: str) -> None:
        result = invocation.result.result() if invocation.result.done() else None
        if result is not None and result.error is not None:
            reason = f"{result.error_type}: {result.error_message}"
        self._console.warn(f"{name} failed: {reason}"[:400])

    async def _invoke(
        self, name: str, event: dict[str, Any], timeout: float, api: RestApi | None = None
    ) -> InvocationResult:
        # In a task of its own: the function runs on when the gateway or the client no longer waits for it.
        task = asyncio.create_task(self._lambda_service.invoke(name, _encode_event(event)))
        self._invoke_tasks.add(task)
        task.add_done_callback(self._forget_task)
        await asyncio.wait([task], timeout=timeout)
        if not task.done():
            if api is None:
                raise GatewayError(503, "Service Unavailable")
            raise GatewayError(504, "Endpoint request timed out", "INTEGRATION_TIMEOUT")
        try:
            result = task.result()
        except PayloadTooLarge:
            if api is None:
                raise GatewayError(413, "Request Entity Too Large") from None
            raise GatewayError(413, "Request Too Long", "REQUEST_TOO_LARGE") from None
        except TooManyRequests:
            if api is None:
                raise GatewayError(503, "Service Unavailable") from None
            raise GatewayError(500, "Internal server error") from None
        if result.error is not None:
            self._console.warn(f"{name} failed: {result.error_type}: {result.error_message}"[:400])
        return result

    def _forget_task(self, task: "asyncio.Task[InvocationResult]") -> None:
        self._invoke_tasks.discard(task)
        if not task.cancelled():
            task.exception()


def _encode_event(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def _abort_connection(incoming: web.BaseRequest) -> None:
    """Close the connection without the final chunk, which tells the client that the response is incomplete."""
    if incoming.transport is not None:
        incoming.transport.close()


def _parse_json_object(result: InvocationResult) -> dict[str, Any]:
    if result.error is not None:
        return {}
    try:
        return mapping_or_empty(json.loads(result.payload))
    except ValueError:
        return {}
