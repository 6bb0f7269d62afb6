"""The stack that the cases run on, with short timeouts, and what a case may do to it."""

import contextlib
import io
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psutil
import psycopg

from local.console import Console
from local.simulator.client import SimulatorClient
from local.simulator.engine.call_log import CallEntry
from local.stack.stack import Stack
from local.template.sam_template import Template
from tests.harness.clients import services_client
from tests.harness.database import Database, connect
from tests.harness.paths import TEMPLATE
from tests.harness.stack import start_stack
from tests.harness.step_functions import list_executions
from tests.harness.wait import wait_until

__all__ = ["RECONCILER", "FaultStack"]

RECONCILER = "ReconcilerFunction"
PREWARMED_FUNCTIONS = (
    "AuthorizerFunction", "CreateInstanceFunction", "DestroyInstanceFunction", "GetOperationFunction",
    "ProvisionToolFunction", "CreateServiceFunction", "AttachVolumeFunction", "CreateDomainFunction",
    "DeployInstanceFunction", "UndoFunction", "CloseOperationFunction",
)  # fmt: skip
"""Functions that most cases call; each of the others starts when a case first calls it."""

STATE_MACHINES = {
    "create": "CreateInstanceMachine",
    "destroy": "DestroyInstanceMachine",
    "provision": "ProvisionMachine",
    "destroy_tool": "DestroyToolMachine",
}

TIMEOUTS: dict[str, str | None] = {
    "SETTLE_SECONDS": "1",
    "ANSWER_WITHIN_SECONDS": "4",
    "PROVIDER_TIMEOUT_SECONDS": "1",
    "RAILWAY_TIMEOUT_SECONDS": "1",
    "RECONCILE_AFTER_SECONDS": "0",
}

TASKS = {
    name for name, function in Template.load(TEMPLATE, {}).functions.items() if function.module.startswith("tasks.")
}
"""The functions that state machines call."""


class FaultStack:
    """A stack of the matrix's own, with its clients, and everything that a case reads of it or does to it."""

    def __init__(self, stack: Stack, console_output: io.StringIO) -> None:
        self.stack, self.console_output = stack, console_output
        functions = set(stack.status()["functions"])
        self.has_reconciler = RECONCILER in functions
        stack.prewarm([name for name in PREWARMED_FUNCTIONS if name in functions])
        assert stack.simulator_url is not None
        self.simulator = SimulatorClient(stack.simulator_url)
        self.api = services_client(stack.url)
        self._db: Database | None = None

    @classmethod
    @contextlib.contextmanager
    def start(cls) -> "Iterator[FaultStack]":
        """Start a stack for this block, with its functions warm."""
        output = io.StringIO()
        with (
            tempfile.TemporaryDirectory(prefix="pointsman-faults-", ignore_cleanup_errors=True) as folder,
            start_stack(Path(folder), Console(output, quiet=True), **TIMEOUTS) as stack,
        ):
            fault_stack = cls(stack, output)
            yield fault_stack
            fault_stack.close()

    def take_warnings(self) -> list[str]:
        """Return the functions' warnings since the last call of this."""
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

    def fetch_rows(self, query: LiteralString, *values: object) -> list[dict[str, Any]]:
        """Run a query; on a new connection where the server was restarted."""
        for is_last_attempt in (False, True):
            try:
                if self._db is None or self._db.closed:
                    self._db = connect(self.stack.database_url)
                return self._db.execute(query, values).fetchall()
            except psycopg.OperationalError:
                if self._db is not None:
                    self._db.close()
                if is_last_attempt:
                    raise
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def block_step_writes(self) -> Iterator[None]:
        """In this block no step can be recorded, neither its start nor its end."""
        with connect(self.stack.database_url, autocommit=False) as db:
            db.execute("LOCK TABLE operation_steps IN SHARE MODE")
            yield
            db.rollback()

    def is_blocked(self, pid: int) -> bool:
        """Whether a process waits for a lock of the database."""
        query = "SELECT client_port FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND client_port IS NOT NULL"
        blocked_ports = {row["client_port"] for row in self.fetch_rows(query)}
        with contextlib.suppress(psutil.Error):
            return any(link.laddr.port in blocked_ports for link in psutil.Process(pid).net_connections("tcp"))
        return False

    # The simulator

    @contextlib.contextmanager
    def keep_config(self) -> Iterator[None]:
        """Restore the simulator's configuration after this block."""
        config = self.simulator.update_config()
        yield
        self.simulator.update_config(config)

    def last_call_sequence(self) -> int:
        """Return the sequence number of the newest call."""
        return len(self.simulator.list_calls())

    def calls(self, after_sequence: int) -> list[CallEntry]:
        """List the calls after that sequence number."""
        return self.simulator.list_calls(after_sequence)

    def wait_until_quiet(self, after_sequence: int) -> None:
        """Wait until no provider executes a request any more, not even one whose client has gone."""
        wait_until(lambda: all(call.ended for call in self.calls(after_sequence)), 20, "the providers' requests")

    # Processes

    def busy_workers(self, *functions: str) -> dict[int, str]:
        """Return the functions that have a request now, by pid: of these functions, by default of all tasks."""
        status = self.stack.status()["functions"]
        return {
            worker["pid"]: name
            for name, function in status.items()
            if name in (functions or TASKS)
            for worker in function["workers"]
            if worker["requestId"] is not None and worker["pid"] is not None
        }

    def kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def reset_all(self) -> None:
        """Empty the providers and the tables, and kill the tasks' processes, which cache what they have read."""
        self.simulator.clear_faults()
        self.simulator.reset()
        status = self.stack.status()["functions"]
        for worker in (worker for name in TASKS & status.keys() for worker in status[name]["workers"]):
            if worker["pid"] is not None:
                self.kill(worker["pid"])
        with connect(self.stack.database_url) as db:
            db.execute("SET lock_timeout = '5s'")
            tables = "operation_resources, operation_steps, operations, instance_services, instance_infra"
            with contextlib.suppress(psycopg.errors.LockNotAvailable):
                db.execute(f"TRUNCATE {tables} CASCADE")

    # Step Functions

    def is_execution_running(self, kind: str, operation_id: str) -> bool:
        """Whether an execution of this operation runs, its first or a later one."""
        arn = self.stack.status()["stateMachines"][STATE_MACHINES[kind]]
        return bool(list_executions(self.stack, arn, operation_id, statusFilter="RUNNING"))
