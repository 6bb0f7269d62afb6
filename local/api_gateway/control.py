"""The control API below `/_local/`: status, invocations and schedules on demand, for programs on this machine only."""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from local.api_gateway.http_request import HttpRequest
from local.eventbridge.schedules import Scheduler
from local.lambda_service.invocation import InvocationResult
from local.lambda_service.service import LambdaService, UnknownFunction


class ControlApi:
    """Handles `GET /_local/status`, `POST /_local/invoke/NAME` and `POST /_local/schedules/NAME`.

    Args:
        lambda_service: Invokes functions.
        scheduler: Fires schedules.
        get_status: Returns the status as plain data, without a secret.
    """

    def __init__(
        self, lambda_service: LambdaService, scheduler: Scheduler, get_status: Callable[[], dict[str, Any]]
    ) -> None:
        self._lambda_service = lambda_service
        self._scheduler = scheduler
        self._get_status = get_status

    async def __call__(self, request: HttpRequest) -> web.Response:
        """Handle a request below `/_local/`."""
        if not _is_loopback_request(request):
            return _build_error_response(403, "Only programs on this machine may ask this")
        parts = [unquote(part) for part in request.raw_path.strip("/").split("/")][1:]
        if parts == ["status"] and request.method == "GET":
            return web.json_response(self._get_status())
        if len(parts) == 2 and request.method == "POST":
            actions: dict[str, Callable[[str, bytes], Awaitable[InvocationResult | None]]] = {
                "invoke": self._invoke_function,
                "schedules": self._fire_schedule,
            }
            if parts[0] in actions:
                return _build_result_response(await actions[parts[0]](parts[1], request.body), parts[1])
        return _build_error_response(404, "Not Found")

    async def _invoke_function(self, name: str, body: bytes) -> InvocationResult | None:
        try:
            return await self._lambda_service.invoke(name, body or b"{}")
        except UnknownFunction:
            return None

    async def _fire_schedule(self, name: str, _body: bytes) -> InvocationResult | None:
        return await self._scheduler.fire(name)


def _is_loopback_request(request: HttpRequest) -> bool:
    """Return whether a request comes from a program on this machine.

    Host and Origin are checked against pages of other sites in a browser on this machine (DNS rebinding).
    """
    if request.header("origin") or request.domain_name not in ("127.0.0.1", "localhost", "[::1]"):
        return False
    try:
        return ipaddress.ip_address(request.source_ip).is_loopback
    except ValueError:
        return False


def _build_result_response(result: InvocationResult | None, name: str) -> web.Response:
    if result is None:
        return _build_error_response(404, f"There is no {name}")
    headers = {"x-amzn-RequestId": result.request_id}
    if result.error is not None:
        headers["X-Amz-Function-Error"] = result.error
    try:
        json.loads(result.payload)
    except ValueError:
        return _build_error_response(502, f"{name} did not answer in JSON")
    return web.Response(body=result.payload, content_type="application/json", headers=headers)


def _build_error_response(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
