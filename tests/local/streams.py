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

from local.console import Console
from local.events import HttpRequest
from local.functions import LambdaService
from local.gateway import IDLE_LIMIT, Gateway
from local.lock import bind
from local.processes import Warden
from local.template import Template

TEMPLATE = Path(__file__).parent / "streaming" / "template.yaml"
T = TypeVar("T")


class Streams:
    """Serves the streaming fixture until closed."""

    def __init__(self, logs: Path, *, idle: float = IDLE_LIMIT, most: int = 200) -> None:
        self.logs = logs
        self.printed = StringIO()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        console = Console(self.printed)
        template = Template.load(TEMPLATE, {})
        self._warden = Warden()
        self.functions = LambdaService(
            template.functions, "http://127.0.0.1:9", logs, self._warden, console.warn, 10, most
        )
        self._gateway = Gateway(template, self.functions, console, 10.0, _no_control, idle)
        listener = bind("127.0.0.1", 0)
        self.address: tuple[str, int] = listener.getsockname()
        self.run(self._start(listener))

    async def _start(self, listener: socket.socket) -> None:
        await self.functions.start()
        await self._gateway.start(listener)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def soon(self, call: Any, *arguments: Any) -> Any:
        """A plain call on the loop."""

        async def run() -> Any:
            return call(*arguments)

        return self.run(run())

    def close(self) -> None:
        self.run(self._gateway.stop())
        self.run(self.functions.stop())
        self.run(self._warden.close())
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

    def workers(self, function: str) -> list[dict[str, Any]]:
        return self.soon(self.functions.status)[function]["workers"]


async def _no_control(_request: HttpRequest) -> web.Response:
    return web.Response(status=404)
