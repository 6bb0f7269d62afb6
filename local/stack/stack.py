"""The stack for synchronous code: the command line, the demo and tests use it as a context manager."""

import asyncio
import gc
import json
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from local.console import Console
from local.errors import RunnerError
from local.lambda_service.invocation import InvocationResult
from local.settings import Settings
from local.stack.runner import StackRunner
from local.step_functions.moto_server import WsgiApp
from local.template.sam_template import Template

T = TypeVar("T")


class Stack:
    """The whole stack, which runs on a thread of its own while the `with` block does.

    Args:
        settings: Those of this checkout and this process's environment by default.
        console: Where progress, requests and warnings are printed; standard output by default.
    """

    def __init__(self, settings: Settings | None = None, console: Console | None = None) -> None:
        self.settings = settings or Settings.load()
        self._console = console or Console()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_event_loop, name="pointsman", daemon=True)
        self._runner: StackRunner | None = None

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the stack; returns once `GET /healthz` has succeeded.

        Raises:
            RunnerError: In one line, what failed; no process is left.
        """
        self._thread.start()
        # The runner collects once, when all is imported.
        gc.disable()
        try:
            self._runner = self._run_coroutine(self._create_runner())
            self._run_coroutine(self._runner.start())
        except BaseException:
            self.stop()
            raise
        finally:
            gc.enable()

    def stop(self) -> None:
        """Stop the stack and all of its processes; may be called again."""
        if self._loop.is_closed():
            return
        gc.unfreeze()
        if not self._thread.is_alive():
            self._loop.close()
            return
        try:
            if self._runner is not None:
                self._run_coroutine(self._runner.stop())
        finally:
            self._run_coroutine(self._loop.shutdown_default_executor())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def wait(self) -> None:
        """Wait for as long as the stack runs.

        Raises:
            RunnerError: A component has ended and could not be started again.
        """
        raise self._run_coroutine(self._started_runner.wait_for_failure())

    @property
    def url(self) -> str:
        """Base URL of the gateway."""
        return self._started_runner.url

    @property
    def database_url(self) -> str:
        """Address of the database, `postgresql://…`, with its password."""
        return self._started_runner.database_url

    @property
    def simulator_url(self) -> str | None:
        """Origin of the simulator; None if no provider is simulated."""
        return self._started_runner.simulator_url

    @property
    def aws_url(self) -> str:
        """Endpoint of Step Functions and Lambda for boto3."""
        return self._started_runner.moto_server.url

    @property
    def api_key(self) -> str:
        """The key of the Services API."""
        return self.settings.api_key

    @property
    def template(self) -> Template:
        """The template with the addresses and keys of this run."""
        return self._started_runner.template

    def prewarm(self, functions: Iterable[str] | None = None) -> None:
        """Start workers of functions and warm up Step Functions' interpreter; wait until all are ready.

        Args:
            functions: Logical ids; one named several times gets as many workers. All functions by default.
        """
        names = None if functions is None else list(functions)
        self._run_coroutine(self._started_runner.prewarm(names))

    def invoke(self, function: str, event: object = None) -> InvocationResult:
        """Invoke a function and wait for its result.

        Args:
            function: Logical id.
            event: Serialized as JSON; an empty object by default.

        Raises:
            UnknownFunction: There is no such function.
            PayloadTooLarge: The event is over Lambda's limit.
        """
        payload = json.dumps({} if event is None else event).encode()
        return self._run_coroutine(self._started_runner.lambda_service.invoke(function, payload))

    def fire_schedule(self, function: str) -> InvocationResult:
        """Fire the first schedule of a function now and wait for the result.

        Raises:
            RunnerError: The function has no schedule.
        """
        result = self._run_coroutine(self._started_runner.scheduler.fire(function))
        if result is None:
            raise RunnerError(f"{function} has no schedule")
        return result

    def status(self) -> dict[str, Any]:
        """Return functions with their workers, state machines and addresses as plain data, without a secret."""

        async def get_status() -> dict[str, Any]:
            return self._started_runner.status()

        return self._run_coroutine(get_status())

    def restart_postgres(self) -> None:
        """Stop the embedded Postgres, which ends all connections, and start it again at the same address.

        Raises:
            RunnerError: The database is external, or the server came back at another address.
        """
        self._run_coroutine(self._started_runner.restart_postgres())

    def call_step_functions(self, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call an action of Step Functions' API, such as `ListExecutions`.

        Args:
            action: Name of the action.
            body: Its request in JSON.

        Raises:
            StepFunctionsError: The response is an error.
        """
        return self._started_runner.moto_server.call_step_functions(action, body)

    def wrap_aws(self, wrap: Callable[[WsgiApp], WsgiApp]) -> None:
        """Put a WSGI middleware before the AWS services other than Lambda, to inject faults."""
        self._started_runner.moto_server.wrap_app(wrap)

    @property
    def _started_runner(self) -> StackRunner:
        if self._runner is None:
            raise RuntimeError("the stack is not running")
        return self._runner

    async def _create_runner(self) -> StackRunner:
        return StackRunner(self.settings, self._console)

    def _run_coroutine(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            # After an interrupt of the waiting thread the coroutine must not run on.
            future.cancel()
            raise

    def _run_event_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
