"""A Lambda sandbox: a process that runs AWS's own runtime client and handles one event at a time."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from local.lambda_service.function_logs import FunctionLog
from local.lambda_service.invocation import Invocation, encode_error
from local.lambda_service.process_launcher import ProcessLauncher
from local.lambda_service.runtime_api import RuntimeApi
from local.processes.supervisor import ChildProcess, Supervisor, describe_exit_code, end_process, wait_for_exit
from local.template.aws_identifiers import REGION
from local.template.sam_template import Function

WorkerState = Literal["starting", "idle", "busy", "dead"]
INIT_TIMEOUT = 60.0
"""Seconds from the start of the process to its first request for an event."""


class Worker:
    """One process of a function.

    A retired worker finishes the event that it handles, if any, and gets no further one.

    Args:
        function: The function.
        runtime_api: Serves the Runtime API to the process.
        supervisor: Ends the process if the runner dies.
        log: Receives the output of the process.
        on_change: Called whenever the worker has become idle or dead.
        launcher: Starts the process.
    """

    def __init__(
        self,
        function: Function,
        runtime_api: RuntimeApi,
        supervisor: Supervisor,
        log: FunctionLog,
        on_change: "Callable[[Worker], None]",
        launcher: ProcessLauncher,
    ) -> None:
        self.function = function
        self.state: WorkerState = "starting"
        self.retired = False
        self.started_at = time.time()
        self._state_since = time.monotonic()
        self._runtime_api = runtime_api
        self._supervisor = supervisor
        self._log = log
        self._on_change = on_change
        self._launcher = launcher
        self._process: ChildProcess | None = None
        self._next_invocation_future: asyncio.Future[Invocation | None] | None = None
        self._invocation: Invocation | None = None
        self._timeout_timer: asyncio.TimerHandle | None = None
        self._run_task: asyncio.Task[None] | None = None
        self._is_stop_requested = False
        self.init_error: bytes | None = None
        """Lambda's error object if the process died before its first event; None if the runner ended it."""

    @property
    def pid(self) -> int | None:
        """Pid of the process; None until it is started."""
        return self._process.pid if self._process else None

    @property
    def is_alive(self) -> bool:
        """Whether the process runs; asks the operating system, because `state` lags behind."""
        return self.state != "dead" and self._process is not None and self._process.poll() is None

    @property
    def request_id(self) -> str | None:
        """Request id of the invocation that is in progress; None once its result is there."""
        invocation = self._invocation
        return invocation.request_id if invocation is not None and not invocation.result.done() else None

    @property
    def busy_seconds(self) -> float:
        """For how long the invocation in progress has run; 0 without one."""
        return time.monotonic() - self._state_since if self.state == "busy" else 0.0

    @property
    def idle_seconds(self) -> float:
        """For how long the worker has waited for an event; 0 if it does not."""
        return time.monotonic() - self._state_since if self.state == "idle" else 0.0

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the process.

        Args:
            environment: Variables of `build_lambda_environment`; the Runtime API's address is added.
        """
        self._run_task = asyncio.create_task(self._run(environment), name=f"worker of {self.function.name}")

    def assign(self, invocation: Invocation) -> None:
        """Hand an event to this worker, which has to be idle."""
        assert self.state == "idle"
        assert self._next_invocation_future is not None
        self.state, self._state_since = "busy", time.monotonic()
        self._invocation = invocation
        self._log.request_id = invocation.request_id
        invocation.start_timeout()
        self._timeout_timer = asyncio.get_running_loop().call_later(
            invocation.timeout, self._handle_timeout, invocation
        )
        self._next_invocation_future.set_result(invocation)

    def retire(self) -> None:
        """End the process: at once if it is idle, after its event if it is busy."""
        self.retired = self._is_stop_requested = True
        if self.state == "idle":
            self._kill()

    async def stop(self) -> None:
        """End the process now and wait for its end; an invocation in progress fails."""
        self.retired = self._is_stop_requested = True
        if self._process is not None and self._process.poll() is None:
            await end_process(self._process, (signal.SIGTERM, 2.0))
        if self._run_task is not None:
            await asyncio.wait([self._run_task])

    # The Sandbox protocol, called by the Runtime API.

    async def next_invocation(self) -> Invocation | None:
        """Complete the previous invocation and wait for the next one; None if the worker is ended meanwhile."""
        self._finish_invocation()
        self.state, self._state_since = "idle", time.monotonic()
        self._next_invocation_future = asyncio.get_running_loop().create_future()
        if self.retired:
            self._kill()
        else:
            self._on_change(self)
        return await self._next_invocation_future

    def find_invocation(self, request_id: str) -> Invocation | None:
        """Return the worker's invocation if it has that request id."""
        invocation = self._invocation
        return invocation if invocation is not None and invocation.request_id == request_id else None

    def record_init_error(self, payload: bytes) -> None:
        """Keep the error object of a failed import of the handler; the process then ends by itself."""
        self.init_error = payload

    async def _run(self, environment: Mapping[str, str]) -> None:
        port = await self._runtime_api.open_endpoint(self)
        init_timer = asyncio.get_running_loop().call_later(INIT_TIMEOUT, self._handle_init_timeout)
        exit_code = -1
        try:
            self._process, output = await self._launcher.launch(
                self.function, {**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"}
            )
            log_task = asyncio.create_task(self._log.read_pipe(output))
            exit_code = await wait_for_exit(self._process)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(log_task, 1.0)
        except OSError as error:
            self.init_error = encode_error("Runtime.StartError", str(error))
        finally:
            init_timer.cancel()
            self._finalize(exit_code)
            await self._runtime_api.close_endpoint(port)

    def _finalize(self, exit_code: int) -> None:
        reason = f"Error: Runtime exited with error: {describe_exit_code(exit_code)}"
        if self._is_stop_requested:
            self.init_error = None
        elif self.state == "starting" and self.init_error is None:
            self.init_error = encode_error("Runtime.ExitError", reason)
        self.state = "dead"
        if self._process is not None:
            self._supervisor.unregister(self._process)
        if self._invocation is not None:
            self._invocation.fail_with("Runtime.ExitError", f"RequestId: {self._invocation.request_id} {reason}")
        if self._next_invocation_future is not None and not self._next_invocation_future.done():
            self._next_invocation_future.set_result(None)
        self._finish_invocation()
        self._on_change(self)

    def _finish_invocation(self) -> None:
        if self._timeout_timer is not None:
            self._timeout_timer.cancel()
            self._timeout_timer = None
        if self._invocation is not None:
            # Ignored if complete; else the runtime client asked for the next event without sending a whole response.
            self._invocation.fail_with("Runtime.NoResponse", f"RequestId: {self._invocation.request_id} No response")
        self._invocation = None
        self._log.request_id = None

    def _handle_timeout(self, invocation: Invocation) -> None:
        if invocation.result.done():
            return
        message = f"RequestId: {invocation.request_id} Error: Task timed out after {invocation.timeout:.2f} seconds"
        self._log.write_line(message)
        invocation.fail_with("Sandbox.Timedout", message)
        self._kill()

    def _handle_init_timeout(self) -> None:
        if self.state == "starting":
            message = f"Error: Init timed out after {INIT_TIMEOUT:.2f} seconds"
            self.init_error = encode_error("Sandbox.Timedout", message)
            self._kill()

    def _kill(self) -> None:
        # The pool must not assign an event while the process is still ending.
        self.retired = True
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def build_lambda_environment(function: Function, aws_url: str, python: Path = Path(sys.executable)) -> dict[str, str]:
    """Build the environment of a function's process: its own variables and Lambda's, none of the developer's shell.

    Args:
        function: The function.
        aws_url: Endpoint of the AWS services.
        python: The interpreter of the process.
    """
    python_path = [str(function.code_folder), *(str(layer) for layer in function.layers)]
    environment = {
        "PATH": os.pathsep.join([str(python.parent), os.defpath]),
        "LANG": "en_US.UTF-8",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUTF8": "1",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(python_path),
        "PYTHONUNBUFFERED": "1",
        "LAMBDA_TASK_ROOT": str(function.code_folder),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
    }
    # Some builds of Python do not start without these.
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return {**environment, **function.environment, "AWS_ENDPOINT_URL": aws_url}
