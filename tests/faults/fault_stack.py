"""Where the cases run: a stack with short waiting times, and what may be done to it."""

import contextlib
import io
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import psycopg
from psycopg.rows import dict_row

from local.console import Console
from local.settings import Settings
from local.simulator.client import SimulatorClient
from local.simulator.control.leftovers import Leftover
from local.simulator.engine.call_log import CallEntry
from local.stack.stack import Stack
from local.step_functions.moto_server import WsgiApp

__all__ = ["RECONCILER", "FaultStack", "WaitTimeout", "wait_until"]

API_KEY = "key-of-the-fault-matrix"
RECONCILER = "ReconcilerFunction"
PREWARMED_FUNCTIONS = (
    "AuthorizerFunction", "CreateInstanceFunction", "DestroyInstanceFunction", "GetOperationFunction",
    "ProvisionToolFunction", "CreateServiceFunction", "AttachVolumeFunction", "CreateDomainFunction",
    "DeployInstanceFunction", "RecordInstanceFunction", "UndoFunction", "CloseOperationFunction",
)  # fmt: skip
"""Functions that most cases call; each of the others starts when a case first calls it."""

STATE_MACHINES = {
    "create": "CreateInstanceMachine",
    "destroy": "DestroyInstanceMachine",
    "provision": "ProvisionMachine",
    "destroy_tool": "DestroyToolMachine",
}

T = TypeVar("T")


class WaitTimeout(AssertionError):
    """What had to come did not come in time."""


class FaultStack:
    """A running stack of its own, and everything that a case asks of it or does to it."""

    def __init__(self, data: Path) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "PORT": "0",
            "POINTSMAN_DATA": str(data),
            "POINTSMAN_SCHEDULES": "off",
            "SERVICES_API_KEY": API_KEY,
            "SETTLE_SECONDS": "1",
            "ANSWER_WITHIN_SECONDS": "4",
            "PROVIDER_TIMEOUT_SECONDS": "1",
            "RAILWAY_TIMEOUT_SECONDS": "1",
            "RECONCILE_AFTER_SECONDS": "0",
        }
        settings = replace(Settings.load(environ=environment), environment=environment)
        self.console_output = io.StringIO()
        self.stack = Stack(settings, Console(self.console_output, quiet=True))

    @classmethod
    @contextlib.contextmanager
    def start(cls) -> "Iterator[FaultStack]":
        with tempfile.TemporaryDirectory(prefix="pointsman-faults-", ignore_cleanup_errors=True) as folder:
            fault_stack = cls(Path(folder))
            with fault_stack.stack:
                fault_stack.open_clients()
                yield fault_stack
                fault_stack.close()

    def open_clients(self) -> None:
        """Warm up what most cases use, and open the clients."""
        functions = set(self.stack.status()["functions"])
        self.has_reconciler = RECONCILER in functions
        self.stack.prewarm([name for name in PREWARMED_FUNCTIONS if name in functions])
        assert self.stack.simulator_url is not None
        self.simulator = SimulatorClient(self.stack.simulator_url)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        self.api = httpx.Client(base_url=self.stack.url, headers=headers, timeout=60, verify=False)
        self._db: psycopg.Connection[dict[str, Any]] | None = None
        self._start_failure: str | None = None
        self._intercept_start_execution()

    def take_warnings(self) -> list[str]:
        """The warnings of functions since this was asked last."""
        lines = self.console_output.getvalue().splitlines()
        self.console_output.seek(0)
        self.console_output.truncate()
        return lines

    def close(self) -> None:
        self.api.close()
        self.simulator.close()
        if self._db is not None:
            self._db.close()

    # The database

    def fetch_rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What a statement finds, also where the connection has died with a restart of the server."""
        for is_last_attempt in (False, True):
            try:
                if self._db is None or self._db.closed:
                    self._db = psycopg.connect(self.stack.database_url, autocommit=True, row_factory=dict_row)
                return self._db.execute(query, values).fetchall()
            except psycopg.OperationalError:
                if self._db is not None:
                    self._db.close()
                if is_last_attempt:
                    raise
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def block_step_writes(self) -> Iterator[None]:
        """While this lasts no step can be written down, neither its beginning nor its end."""
        with psycopg.connect(self.stack.database_url) as connection:
            connection.execute("LOCK TABLE operation_steps IN SHARE MODE")
            yield
            connection.rollback()

    def is_blocked(self, pid: int) -> bool:
        """Whether this process waits for a lock of the database."""
        query = "SELECT client_port FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND client_port IS NOT NULL"
        blocked_ports = {row["client_port"] for row in self.fetch_rows(query)}
        with contextlib.suppress(psutil.Error):
            return any(link.laddr.port in blocked_ports for link in psutil.Process(pid).net_connections("tcp"))
        return False

    # The simulator

    def leftovers(self) -> list[Leftover]:
        return self.simulator.list_leftovers()

    def last_call_sequence(self) -> int:
        """The sequence number of the newest call."""
        return len(self.simulator.list_calls())

    def calls(self, after_sequence: int) -> list[CallEntry]:
        return self.simulator.list_calls(after_sequence)

    def wait_until_quiet(self, after_sequence: int) -> None:
        """Wait until no request is at work at a provider any more, whoever has given it up."""
        wait_until(
            lambda: all(call.ended for call in self.calls(after_sequence)), 20, "requests at the providers to end"
        )

    # Processes

    def busy_workers(self, *functions: str) -> dict[int, str]:
        """The processes at work, by pid: of these functions, or else those of tasks."""
        status = self.stack.status()["functions"]
        return {
            worker["pid"]: name
            for name, function in status.items()
            if (name in functions if functions else function["handler"].startswith("tasks."))
            for worker in function["workers"]
            if worker["requestId"] is not None and worker["pid"] is not None
        }

    def kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def reset_all(self) -> None:
        """Everything forgotten: the providers, the database's rows, and every process that has a memory."""
        self.simulator.clear_faults()
        self.simulator.reset()
        for function in self.stack.status()["functions"].values():
            if function["handler"].startswith("tasks."):
                for worker in function["workers"]:
                    if worker["pid"] is not None:
                        self.kill(worker["pid"])
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '5s'")
            tables = "operation_resources, operation_steps, operations, instance_services, instance_infra"
            with contextlib.suppress(psycopg.errors.LockNotAvailable):
                connection.execute(f"TRUNCATE {tables} CASCADE")

    # Step Functions

    def is_execution_running(self, kind: str, operation_id: str) -> bool:
        """Whether Step Functions is at work for this operation, for the first time or again."""
        arn = self.stack.status()["stateMachines"][STATE_MACHINES[kind]]
        wanted = {"stateMachineArn": arn, "statusFilter": "RUNNING"}
        executions = self.stack.call_step_functions("ListExecutions", wanted)["executions"]
        return any(execution["name"].startswith(operation_id) for execution in executions)

    @contextlib.contextmanager
    def fail_start_execution(self, mode: str) -> Iterator[None]:
        """StartExecution answers 500 while this lasts; with `how` "lost" its work is done all the same."""
        self._start_failure = mode
        try:
            yield
        finally:
            self._start_failure = None

    def _intercept_start_execution(self) -> None:
        def wrap(app: WsgiApp) -> WsgiApp:
            def failing_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
                starts = str(environ.get("HTTP_X_AMZ_TARGET", "")).endswith(".StartExecution")
                if not starts or self._start_failure is None:
                    return app(environ, start_response)
                if self._start_failure == "lost":
                    for _ in app(environ, lambda *_: None):
                        pass
                else:
                    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response("500 Internal Server Error", [("Content-Length", "2")])
                return [b"{}"]

            return failing_app

        self.stack.wrap_aws(wrap)


def wait_until(condition: Callable[[], T | None], timeout: float, description: str, interval: float = 0.02) -> T:
    """What `look` returns as soon as it is something."""
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise WaitTimeout(f"waited {timeout:g} s for {description}")
        time.sleep(interval)
