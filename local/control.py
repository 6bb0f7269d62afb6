"""What only this machine has: `/_local/…`, for tests, the demo and the curious; answered to loopback only."""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from local.events import HttpRequest
from local.functions import LambdaService, UnknownFunction
from local.invocation import Result
from local.schedules import Schedules


class Control:
    """Status, invocation and schedules on demand.

    Args:
        status: everything there is to tell, as plain data without a secret.
    """

    def __init__(self, functions: LambdaService, schedules: Schedules, status: Callable[[], dict[str, Any]]) -> None:
        self._functions = functions
        self._schedules = schedules
        self._status = status

    async def __call__(self, request: HttpRequest) -> web.Response:
        """Answer one request under `/_local/`."""
        if not _is_local(request):
            return _error(403, "Only programs on this machine may ask this")
        parts = [unquote(part) for part in request.raw_path.strip("/").split("/")][1:]
        if parts == ["status"] and request.method == "GET":
            return web.json_response(self._status())
        if len(parts) == 2 and request.method == "POST":
            actions: dict[str, Callable[[str, bytes], Awaitable[Result | None]]] = {
                "invoke": self._invoke,
                "schedules": self._fire,
            }
            if parts[0] in actions:
                return _answer(await actions[parts[0]](parts[1], request.body), parts[1])
        return _error(404, "Not Found")

    async def _invoke(self, name: str, body: bytes) -> Result | None:
        try:
            return await self._functions.invoke(name, body or b"{}")
        except UnknownFunction:
            return None

    async def _fire(self, name: str, _body: bytes) -> Result | None:
        return await self._schedules.fire(name)


def _is_local(request: HttpRequest) -> bool:
    """From loopback, under a loopback name, and not by a page of some other site in a browser on this machine."""
    host = request.header("host")
    host = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if request.header("origin") or host not in ("127.0.0.1", "localhost", "[::1]"):
        return False
    try:
        return ipaddress.ip_address(request.source_ip).is_loopback
    except ValueError:
        return False


def _answer(result: Result | None, name: str) -> web.Response:
    if result is None:
        return _error(404, f"There is no {name}")
    headers = {"x-amzn-RequestId": result.request_id}
    if result.error is not None:
        headers["X-Amz-Function-Error"] = result.error
    try:
        json.loads(result.payload)
    except ValueError:
        return _error(502, f"{name} did not answer in JSON")
    return web.Response(body=result.payload, content_type="application/json", headers=headers)


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
