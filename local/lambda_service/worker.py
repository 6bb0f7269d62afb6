"""One Lambda sandbox: a process under the real runtime client, with one event at a time."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Literal

from local.lambda_service.function_logs import FunctionLog
from local.lambda_service.invocation import Invocation
from local.lambda_service.runtime_api import RuntimeApi
from local.processes.supervisor import Supervisor, describe_exit_code, end_process, wait_for_exit
from local.template.aws_identifiers import REGION
from local.template.sam_template import Function

WorkerState = Literal["starting", "idle", "busy", "dead"]
INIT_TIMEOUT = 60.0


class Worker:
    """A process of a function, from its start to its end.

    Args:
        function: what it runs.
        changed: called whenever it has become idle or dead.
    """

    def __init__(
        self,
        function: Function,
        runtime_api: RuntimeApi,
        supervisor: Supervisor,
        log: FunctionLog,
        on_change: "Callable[[Worker], None]",
    ) -> None:
        self.function = function
        self.state: WorkerState = "starting"
        self.retired = False
        self.started_at = time.time()
        self._runtime_api = runtime_api
        self._supervisor = supervisor
        self._log = log
        self._on_change = on_change
        self._process: subprocess.Popen[bytes] | None = None
        self._next_invocation_future: asyncio.Future[Invocation | None] | None = None
        self._invocation: Invocation | None = None
        self._timeout_timer: asyncio.TimerHandle | None = None
        self._run_task: asyncio.Task[None] | None = None
        self._is_stop_requested = False
        self.init_error: bytes | None = None
        """Lambda's error object if it died before it asked for an event; None if that was our own doing."""

    @property
    def pid(self) -> int | None:
        """The process's pid, once it has one."""
        return self._process.pid if self._process else None

    @property
    def is_alive(self) -> bool:
        """Whether the process is still there, asked of the system now."""
        return self.state != "dead" and self._process is not None and self._process.poll() is None

    @property
    def request_id(self) -> str | None:
        """The request id of the invocation that it works on; None once that is answered."""
        invocation = self._invocation
        return invocation.request_id if invocation is not None and not invocation.result.done() else None

    def start(self, environment: Mapping[str, str]) -> None:
        """Begin its life; `environment` holds what Lambda and the template set, without the Runtime API's address."""
        self._run_task = asyncio.create_task(self._run(environment), name=f"worker of {self.function.name}")

    def assign(self, invocation: Invocation) -> None:
        """Give an idle worker an event."""
        assert self.state == "idle"
        assert self._next_invocation_future is not None
        self.state = "busy"
        self._invocation = invocation
        self._log.request_id = invocation.request_id
        invocation.start_timeout()
        self._timeout_timer = asyncio.get_running_loop().call_later(
            invocation.timeout, self._handle_timeout, invocation
        )
        self._next_invocation_future.set_result(invocation)

    def retire(self) -> None:
        """End it: at once when it is idle, after its event when it is busy."""
        self.retired = self._is_stop_requested = True
        if self.state == "idle":
            self._kill()

    async def stop(self) -> None:
        """End it now, whatever it does."""
        self.retired = self._is_stop_requested = True
        if self._process is not None and self._process.poll() is None:
            await end_process(self._process, (signal.SIGTERM, 2.0))
        if self._run_task is not None:
            await asyncio.wait([self._run_task])

    # What the Runtime API calls.

    async def next_invocation(self) -> Invocation | None:
        """Settle what came before and wait for the next event; None when there will be none."""
        self._finish_invocation()
        self.state = "idle"
        self._next_invocation_future = asyncio.get_running_loop().create_future()
        if self.retired:
            self._kill()
        else:
            self._on_change(self)
        return await self._next_invocation_future

    def find_invocation(self, request_id: str) -> Invocation | None:
        """The invocation with that id, if it is this worker's."""
        invocation = self._invocation
        return invocation if invocation is not None and invocation.request_id == request_id else None

    def record_init_error(self, payload: bytes) -> None:
        """Remember why the handler could not be imported; the process ends by itself."""
        self.init_error = payload

    # Its own life.

    async def _run(self, environment: Mapping[str, str]) -> None:
        port = await self._runtime_api.open_endpoint(self)
        init_timer = asyncio.get_running_loop().call_later(INIT_TIMEOUT, self._handle_init_timeout)
        exit_code = -1
        try:
            # Left visible in `ps`: the runtime client and the handler's name.
            command = [
                *_build_wrapper_command(self.function),
                sys.executable,
                "-m",
                "awslambdaric",
                self.function.handler,
            ]
            read, write = os.pipe()
            try:
                self._process = self._supervisor.spawn(
                    command,
                    env={**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"},
                    cwd=self.function.code_folder,
                    stdout=write,
                )
            finally:
                os.close(write)
            log_task = asyncio.create_task(self._log.read_pipe(read))
            exit_code = await wait_for_exit(self._process)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(log_task, 1.0)
        except OSError as error:
            self.init_error = json.dumps({"errorType": "Runtime.StartError", "errorMessage": str(error)}).encode()
        finally:
            init_timer.cancel()
            self._finalize(exit_code)
            await self._runtime_api.close_endpoint(port)

    def _finalize(self, exit_code: int) -> None:
        reason = f"Error: Runtime exited with error: {describe_exit_code(exit_code)}"
        if self._is_stop_requested:
            self.init_error = None
        elif self.state == "starting" and self.init_error is None:
            self.init_error = json.dumps({"errorType": "Runtime.ExitError", "errorMessage": reason}).encode()
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
            # A response that broke off: what asks for the next event has no more to say about the last.
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
            self.init_error = json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": message}).encode()
            self._kill()

    def _kill(self) -> None:
        # Not offered again from here on, though the process may take a moment to be gone.
        self.retired = True
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _build_wrapper_command(function: Function) -> list[str]:
    """The program that Lambda would start in place of the runtime; layers are in /opt/python there."""
    if function.exec_wrapper is None:
        return []
    name = function.exec_wrapper.removeprefix("/opt/python/")
    files = [layer / name for layer in function.layers]
    if name == function.exec_wrapper or not any(file.is_file() for file in files):
        raise FileNotFoundError(f"AWS_LAMBDA_EXEC_WRAPPER: no layer has {function.exec_wrapper}")
    return [next(str(file) for file in files if file.is_file())]


def build_lambda_environment(function: Function, aws_url: str) -> dict[str, str]:
    """What a function sees: its own variables, and what Lambda sets; nothing of the developer's shell."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    python_path = [str(function.code_folder), *(str(layer) for layer in function.layers)]
    environment = {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.defpath]),
        "LANG": "en_US.UTF-8",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUTF8": "1",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(python_path),
        "PYTHONUNBUFFERED": "1",
        "LAMBDA_TASK_ROOT": str(function.code_folder),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
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
        "AWS_ENDPOINT_URL": aws_url,
    }
    # An interpreter that was built to need these does not start without them.
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return {**environment, **function.environment}
