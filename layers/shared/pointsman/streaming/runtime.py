"""The runtime: gets invocations and runs the app for each, on one event loop for the life of the process."""

import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .asgi import Exchange, LambdaContext, build_scope, decode_body
from .errors import ErrorReport, FunctionError
from .runtime_api import NextInvocation, RuntimeApiClient, RuntimeApiError

__all__ = ["ASGIApp", "LambdaEnvironment", "export_trace_id", "main"]

ASGIApp = Callable[
    [dict[str, Any], Callable[[], Awaitable[dict[str, Any]]], Callable[[dict[str, Any]], Awaitable[None]]],
    Awaitable[None],
]

CANCEL_MARGIN_SECONDS = 0.5
"""Seconds before Lambda's timeout at which the app is cancelled, so that it can clean up."""


@dataclass(frozen=True)
class LambdaEnvironment:
    """The environment that Lambda sets for the function. The memory is in MB."""

    runtime_api: str
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    @classmethod
    def load(cls) -> "LambdaEnvironment":
        """Read the environment variables; only `AWS_LAMBDA_RUNTIME_API` is required."""
        return cls(
            runtime_api=os.environ["AWS_LAMBDA_RUNTIME_API"],
            function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            memory_limit_in_mb=os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
            log_group_name=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
            log_stream_name=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        )


def main(handler: str) -> int:
    """Load the app and serve invocations until Lambda ends the process.

    Args:
        handler: The app as `module.attribute`.

    Returns:
        The exit code.
    """
    environment = LambdaEnvironment.load()
    api = RuntimeApiClient(environment.runtime_api)
    try:
        app = load_app(handler)
    except Exception as error:  # noqa: BLE001 - every failure is reported to Lambda
        report = ErrorReport.from_exception(error)
        report.log()
        asyncio.run(api.report_init_error(report))
        return 1
    try:
        asyncio.run(_serve_until_sigterm(app, api, environment))
    except (RuntimeApiError, OSError) as error:
        sys.stdout.write(f"[WARNING] the runtime ends: {error}\n")
        return 1
    return 0


def load_app(handler: str) -> ASGIApp:
    """Import an app, given as `module.attribute`.

    Raises:
        FunctionError: the module cannot be imported or lacks the attribute; type and message are those of Lambda.
    """
    module, _, name = handler.replace("/", ".").rpartition(".")
    try:
        app_module = importlib.import_module(module)
    except ImportError as error:
        load_error = FunctionError("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}")
        raise load_error.with_traceback(error.__traceback__) from None
    if not hasattr(app_module, name):
        raise FunctionError("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'")
    return getattr(app_module, name)


async def _serve_until_sigterm(app: ASGIApp, api: RuntimeApiClient, environment: LambdaEnvironment) -> None:
    """Serve until SIGTERM. A second SIGTERM kills the process."""
    loop = asyncio.get_running_loop()
    serve_task = asyncio.ensure_future(_serve_invocations(app, api, environment))

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGTERM)
        serve_task.cancel()

    loop.add_signal_handler(signal.SIGTERM, stop)
    await asyncio.wait({serve_task})
    if not serve_task.cancelled():
        serve_task.result()


async def _serve_invocations(app: ASGIApp, api: RuntimeApiClient, environment: LambdaEnvironment) -> None:
    while True:
        invocation = await api.get_next_invocation()
        export_trace_id(invocation.trace_id)
        try:
            await _handle_invocation(app, api, invocation, environment)
        except OSError as error:
            # The client has disconnected. If the Runtime API is down, the next request to it fails.
            sys.stdout.write(f"[WARNING] a response was lost: {error}\n")


async def _handle_invocation(
    app: ASGIApp, api: RuntimeApiClient, invocation: NextInvocation, environment: LambdaEnvironment
) -> None:
    context = LambdaContext(
        aws_request_id=invocation.request_id,
        deadline_ms=invocation.deadline_ms,
        invoked_function_arn=invocation.function_arn,
        function_name=environment.function_name,
        function_version=environment.function_version,
        memory_limit_in_mb=environment.memory_limit_in_mb,
        log_group_name=environment.log_group_name,
        log_stream_name=environment.log_stream_name,
    )
    exchange = Exchange(api, invocation.request_id, b"")
    try:
        scope = build_scope(invocation.event, context)
        exchange = Exchange(api, invocation.request_id, decode_body(invocation.event))
    except (FunctionError, ValueError) as error:
        await exchange.finish(error)
        return
    app_task = asyncio.create_task(_run_app(app, scope, exchange))
    stop_reason: BaseException = FunctionError("Runtime.DeadlineExceeded", "The function's time is over")
    cancellation: asyncio.CancelledError | None = None
    try:
        remaining = context.get_remaining_time_in_millis() / 1000 - CANCEL_MARGIN_SECONDS
        await asyncio.wait({app_task}, timeout=max(remaining, 0.0))
    except asyncio.CancelledError as signalled:
        stop_reason, cancellation = FunctionError("Runtime.Shutdown", "The sandbox is being ended"), signalled
    if not app_task.done():
        app_task.cancel()
        await asyncio.wait({app_task})
    await exchange.finish(stop_reason if app_task.cancelled() else app_task.exception())
    if cancellation is not None:
        raise cancellation


async def _run_app(app: ASGIApp, scope: dict[str, Any], exchange: Exchange) -> None:
    await app(scope, exchange.receive, exchange.send)


def export_trace_id(trace_id: str) -> None:
    """Set `_X_AMZN_TRACE_ID`, which X-Ray's libraries read, to the invocation's trace id."""
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
