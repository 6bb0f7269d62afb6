"""The loop: an event, the app, the next event, on one event loop for as long as the sandbox lives."""

import asyncio
import importlib
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from .context import Context
from .exchange import Exchange
from .failure import AppFailure, Failure
from .runtime_api import Invocation, RuntimeApi, RuntimeApiFailed
from .sandbox import Sandbox, trace
from .scope import body_of, scope_of

__all__ = ["App", "main"]

App = Callable[
    [dict[str, Any], Callable[[], Awaitable[dict[str, Any]]], Callable[[dict[str, Any]], Awaitable[None]]],
    Awaitable[None],
]

MARGIN = 0.5
"""Seconds before Lambda kills the function that the app is cancelled, to end what it does in its own way."""


def main(handler: str) -> int:
    """Load the app that `module.attribute` names and serve until Lambda ends the sandbox; the exit code."""
    sandbox = Sandbox.read()
    api = RuntimeApi(sandbox.runtime_api)
    try:
        app = load(handler)
    except Exception as error:  # noqa: BLE001 - whatever it is, Lambda is told
        failure = Failure.of(error)
        failure.log()
        asyncio.run(api.report_start(failure))
        return 1
    try:
        asyncio.run(_until_ended(app, api, sandbox))
    except (RuntimeApiFailed, OSError) as error:
        sys.stdout.write(f"[WARNING] the runtime ends: {error}\n")
        return 1
    return 0


def load(handler: str) -> App:
    """Import an app.

    Raises:
        AppFailure: there is no such module or no such name in it, in Lambda's words.
    """
    module, _, name = handler.replace("/", ".").rpartition(".")
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        failure = AppFailure("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}")
        raise failure.with_traceback(error.__traceback__) from None
    if not hasattr(imported, name):
        raise AppFailure("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'")
    return getattr(imported, name)


async def _until_ended(app: App, api: RuntimeApi, sandbox: Sandbox) -> None:
    """Serve until SIGTERM; a second one kills."""
    loop = asyncio.get_running_loop()
    serving = asyncio.ensure_future(_serve(app, api, sandbox))

    def end() -> None:
        loop.remove_signal_handler(signal.SIGTERM)
        serving.cancel()

    loop.add_signal_handler(signal.SIGTERM, end)
    await asyncio.wait({serving})
    if not serving.cancelled():
        serving.result()


async def _serve(app: App, api: RuntimeApi, sandbox: Sandbox) -> None:
    while True:
        invocation = await api.next()
        trace(invocation.trace_id)
        try:
            await _answer(app, api, invocation, sandbox)
        except OSError as error:
            # A response that was not taken. If the Runtime API itself is gone, asking for the next event says so.
            sys.stdout.write(f"[WARNING] a response was lost: {error}\n")


async def _answer(app: App, api: RuntimeApi, invocation: Invocation, sandbox: Sandbox) -> None:
    context = Context(
        aws_request_id=invocation.request_id,
        deadline_ms=invocation.deadline_ms,
        invoked_function_arn=invocation.arn,
        function_name=sandbox.function,
        function_version=sandbox.version,
        memory_limit_in_mb=sandbox.memory,
        log_group_name=sandbox.log_group,
        log_stream_name=sandbox.log_stream,
    )
    exchange = Exchange(api, invocation.request_id, b"")
    try:
        scope = scope_of(invocation.event, context)
        exchange = Exchange(api, invocation.request_id, body_of(invocation.event))
    except (AppFailure, ValueError) as error:
        await exchange.finish(error)
        return
    running = asyncio.create_task(_run(app, scope, exchange))
    stopped: BaseException = AppFailure("Runtime.DeadlineExceeded", "The function's time is over")
    ending: asyncio.CancelledError | None = None
    try:
        seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN
        await asyncio.wait({running}, timeout=max(seconds, 0.0))
    except asyncio.CancelledError as signalled:
        stopped, ending = AppFailure("Runtime.Shutdown", "The sandbox is being ended"), signalled
    if not running.done():
        running.cancel()
        await asyncio.wait({running})
    await exchange.finish(stopped if running.cancelled() else running.exception())
    if ending is not None:
        raise ending


async def _run(app: App, scope: dict[str, Any], exchange: Exchange) -> None:
    await app(scope, exchange.receive, exchange.send)
