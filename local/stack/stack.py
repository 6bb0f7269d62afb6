"""The bundle for ordinary code: tests, the demo and the command line use it as a context manager."""

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, TypeVar

from local.console import Console
from local.errors import RunnerError
from local.lambda_service.invocation import InvocationResult
from local.settings import Settings
from local.stack.runner import StackRunner

T = TypeVar("T")


class Stack:
    """The whole bundle, running while the `with` block does.

    Args:
        settings: by default those of this checkout and this environment.
        console: where lines go; by default standard output.
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
        """Bring the bundle up; returns when `GET /healthz` answers.

        Raises:
            RunnerError: in one line, what is wrong; nothing is left running.
        """
        self._thread.start()
        try:
            self._runner = self._run_coroutine(self._create_runner())
            self._run_coroutine(self._runner.start())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Take it down; no process is left. May be called again."""
        if self._loop.is_closed():
            return
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

    @property
    def url(self) -> str:
        """Base URL of the gateway."""
        return self._started_runner.url

    @property
    def database_url(self) -> str:
        """postgresql:// address, with its password."""
        return self._started_runner.database_url

    @property
    def simulator_url(self) -> str | None:
        """Origin of the simulator; None if none was needed."""
        return self._started_runner.simulator_url

    @property
    def aws_url(self) -> str:
        """Where boto3 finds AWS: Step Functions and Lambda."""
        return self._started_runner.moto_server.url

    @property
    def api_key(self) -> str:
        """The key of the Services API."""
        return self.settings.api_key

    def prewarm(self, functions: Iterable[str] | None = None) -> None:
        """Start a process for each function, or one for each time that it is named; wait until all ask for work.

        Step Functions' interpreter is warmed up beside them.
        """
        names = None if functions is None else list(functions)
        self._run_coroutine(self._started_runner.prewarm(names))

    def invoke(self, function: str, event: object = None) -> InvocationResult:
        """Invoke a function by its logical id with a JSON event; an empty object by default.

        Raises:
            UnknownFunction: there is no such function.
        """
        payload = json.dumps({} if event is None else event).encode()
        return self._run_coroutine(self._started_runner.lambda_service.invoke(function, payload))

    def fire_schedule(self, function: str) -> InvocationResult:
        """Fire the first schedule of a function now.

        Raises:
            RunnerError: it has none.
        """
        result = self._run_coroutine(self._started_runner.scheduler.fire(function))
        if result is None:
            raise RunnerError(f"{function} has no schedule")
        return result

    def status(self) -> dict[str, Any]:
        """What runs: functions with their workers' pids and states, state machines, addresses; no secret."""

        async def get_status() -> dict[str, Any]:
            return self._started_runner.status()

        return self._run_coroutine(get_status())

    def wait_until_watching(self) -> None:
        """Wait until a change of a file would be noticed."""
        self._run_coroutine(self._started_runner.watching.wait())

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
            # An interrupt in the waiting thread: the work is not wanted any more.
            future.cancel()
            raise

    def _run_event_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
