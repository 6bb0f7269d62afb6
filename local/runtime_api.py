"""Lambda's Runtime API on loopback: each worker process has a port of its own, so the port says who is asking."""

import socket
from typing import Protocol

from aiohttp import web

from local.invocation import Invocation

_VERSION = "/2018-06-01/runtime"


class Sandbox(Protocol):
    """What the Runtime API needs to know of a worker."""

    async def next_invocation(self) -> Invocation | None:
        """Wait for an event; the worker is idle meanwhile. None: it is being ended."""
        ...

    def current(self, request_id: str) -> Invocation | None:
        """The invocation that this worker is busy with, if it has that id."""
        ...

    def init_failed(self, payload: bytes) -> None:
        """The handler could not be imported; the payload says why."""
        ...


class RuntimeApi:
    """One HTTP server with one socket per worker."""

    def __init__(self) -> None:
        self._sandboxes: dict[int, Sandbox] = {}
        self._sites: dict[int, web.SockSite] = {}
        app = web.Application(client_max_size=0)
        app.router.add_get(_VERSION + "/invocation/next", self._next)
        app.router.add_post(_VERSION + "/invocation/{id}/response", self._response)
        app.router.add_post(_VERSION + "/invocation/{id}/error", self._error)
        app.router.add_post(_VERSION + "/init/error", self._init_error)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)

    async def start(self) -> None:
        """Make it able to take sockets."""
        await self._runner.setup()

    async def stop(self) -> None:
        """Close every socket."""
        await self._runner.cleanup()

    async def open(self, sandbox: Sandbox) -> int:
        """Give a worker its port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
        site = web.SockSite(self._runner, listener)
        self._sandboxes[port] = sandbox
        self._sites[port] = site
        await site.start()
        return port

    async def close(self, port: int) -> None:
        """Take the port of a worker that is gone."""
        self._sandboxes.pop(port, None)
        site = self._sites.pop(port, None)
        if site is not None:
            await site.stop()

    def _sandbox(self, request: web.Request) -> Sandbox:
        address = request.transport.get_extra_info("sockname") if request.transport else None
        sandbox = self._sandboxes.get(address[1]) if address else None
        if sandbox is None:
            raise web.HTTPGone(text="this worker has been retired")
        return sandbox

    async def _next(self, request: web.Request) -> web.Response:
        invocation = await self._sandbox(request).next_invocation()
        if invocation is None:
            raise web.HTTPGone(text="this worker has been retired")
        return web.Response(
            body=invocation.payload,
            # Without a content type, the runtime client's C++ part crashes the process.
            content_type="application/json",
            headers={
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
                "Lambda-Runtime-Trace-Id": invocation.trace_id,
            },
        )

    async def _response(self, request: web.Request) -> web.Response:
        invocation = self._invocation(request)
        # Here a response in mode `streaming` will pass its chunks on to the invocation as they come.
        invocation.succeed(await request.read())
        return _accepted()

    async def _error(self, request: web.Request) -> web.Response:
        invocation = self._invocation(request)
        invocation.fail(await request.read())
        return _accepted()

    async def _init_error(self, request: web.Request) -> web.Response:
        sandbox = self._sandbox(request)
        sandbox.init_failed(await request.read())
        return _accepted()

    def _invocation(self, request: web.Request) -> Invocation:
        invocation = self._sandbox(request).current(request.match_info["id"])
        if invocation is None:
            raise web.HTTPBadRequest(text='{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}')
        return invocation


def _accepted() -> web.Response:
    return web.json_response({"status": "OK"}, status=202)
