"""A gateway and its functions without the rest of the bundle, on a thread of this process."""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from http.client import HTTPConnection, HTTPResponse
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from local.api_gateway.connections import ConnectionLimits
from local.api_gateway.gateway import STREAM_IDLE_TIMEOUT, STREAM_WRITE_TIMEOUT, Gateway
from local.api_gateway.http_request import HttpRequest
from local.api_gateway.listener import bind_listener
from local.console import Console
from local.lambda_service.service import LambdaService
from local.lambda_service.worker_pool import MAX_QUEUE_LENGTH
from local.processes.supervisor import Supervisor
from local.template.sam_template import Template

TEMPLATE = Path(__file__).parent / "streaming" / "template.yaml"
T = TypeVar("T")


class GatewayHarness:
    """Serves a template, by default the streaming fixture, until closed."""

    def __init__(
        self,
        log_folder: Path,
        *,
        idle_timeout: float = STREAM_IDLE_TIMEOUT,
        write_timeout: float = STREAM_WRITE_TIMEOUT,
        integration_timeout: float = 10.0,
        max_streams: int = 200,
        max_queue_length: int = MAX_QUEUE_LENGTH,
        template: Template | None = None,
        limits: ConnectionLimits | None = None,
    ) -> None:
        log_folder.mkdir(exist_ok=True)
        self.log_folder = log_folder
        self.console_output = StringIO()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        console = Console(self.console_output)
        template = template or Template.load(TEMPLATE, {})
        self._supervisor = Supervisor()
        self.lambda_service = LambdaService(
            template.functions,
            "http://127.0.0.1:9",
            log_folder,
            self._supervisor,
            console.warn,
            10,
            max_streams,
            max_queue_length=max_queue_length,
        )
        self._gateway = Gateway(
            template,
            self.lambda_service,
            console,
            integration_timeout,
            _answer_not_found,
            idle_timeout,
            write_timeout,
            limits,
        )
        listener = bind_listener("127.0.0.1", 0)
        self.address: tuple[str, int] = listener.getsockname()
        self.run_coroutine(self._start(listener))

    async def _start(self, listener: socket.socket) -> None:
        await self._gateway.start(listener)

    def run_coroutine(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def call_in_loop(self, function: Any, *arguments: Any) -> Any:
        """A plain call on the loop."""

        async def run() -> Any:
            return function(*arguments)

        return self.run_coroutine(run())

    def close(self) -> None:
        self.run_coroutine(self._gateway.stop())
        self.run_coroutine(self.lambda_service.stop())
        self.run_coroutine(self._supervisor.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def request(
        self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> HTTPResponse:
        """An open answer, of which the head has been read; closing it closes the connection."""
        connection = HTTPConnection(*self.address, timeout=30)
        connection.request(method, target, body, {"X-User": "u1", "Connection": "close", **(headers or {})})
        return connection.getresponse()

    def queue_length(self, function: str) -> int:
        return self.call_in_loop(self.lambda_service.status)[function]["waiting"]

    def workers(self, function: str) -> list[dict[str, Any]]:
        return self.call_in_loop(self.lambda_service.status)[function]["workers"]


async def _answer_not_found(_request: HttpRequest) -> web.Response:
    return web.Response(status=404)
