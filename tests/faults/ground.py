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
from local.simulator.calls import CallEntry
from local.simulator.client import SimulatorClient
from local.simulator.leftovers import Leftover
from local.stack import Stack

__all__ = ["RECONCILER", "Ground", "NotInTime", "until"]

API_KEY = "key-of-the-fault-matrix"
RECONCILER = "ReconcilerFunction"
WARM = (
    "AuthorizerFunction", "CreateInstanceFunction", "DestroyInstanceFunction", "GetOperationFunction",
    "ProvisionToolFunction", "CreateServiceFunction", "AttachVolumeFunction", "CreateDomainFunction",
    "DeployInstanceFunction", "RecordInstanceFunction", "UndoFunction", "CloseOperationFunction",
)  # fmt: skip
"""Functions that most cases call; each of the others starts when a case first calls it."""

MACHINES = {
    "create": "CreateInstanceMachine",
    "destroy": "DestroyInstanceMachine",
    "provision": "ProvisionMachine",
    "destroy_tool": "DestroyToolMachine",
}

T = TypeVar("T")


class NotInTime(AssertionError):
    """What had to come did not come in time."""


class Ground:
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
        self.said = io.StringIO()
        self.stack = Stack(settings, Console(self.said, quiet=True))

    @classmethod
    @contextlib.contextmanager
    def standing(cls) -> "Iterator[Ground]":
        with tempfile.TemporaryDirectory(prefix="pointsman-faults-", ignore_cleanup_errors=True) as folder:
            ground = cls(Path(folder))
            with ground.stack:
                ground.connect()
                yield ground
                ground.close()

    def connect(self) -> None:
        """Warm up what most cases use, and open the clients."""
        functions = set(self.stack.status()["functions"])
        self.has_reconciler = RECONCILER in functions
        self.stack.prewarm([name for name in WARM if name in functions])
        assert self.stack.simulator_url is not None
        self.simulator = SimulatorClient(self.stack.simulator_url)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        self.api = httpx.Client(base_url=self.stack.url, headers=headers, timeout=60, verify=False)
        self._db: psycopg.Connection[dict[str, Any]] | None = None
        self._fail_start: str | None = None
        self._wrap_start()

    def told(self) -> list[str]:
        """The warnings of functions since this was asked last."""
        lines = self.said.getvalue().splitlines()
        self.said.seek(0)
        self.said.truncate()
        return lines

    def close(self) -> None:
        self.api.close()
        self.simulator.close()
        if self._db is not None:
            self._db.close()

    # The database

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What a statement finds, also where the connection has died with a restart of the server."""
        for last in (False, True):
            try:
                if self._db is None or self._db.closed:
                    self._db = psycopg.connect(self.stack.database_url, autocommit=True, row_factory=dict_row)
                return self._db.execute(query, values).fetchall()
            except psycopg.OperationalError:
                if self._db is not None:
                    self._db.close()
                if last:
                    raise
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def steps_held(self) -> Iterator[None]:
        """While this lasts no step can be written down, neither its beginning nor its end."""
        with psycopg.connect(self.stack.database_url) as other:
            other.execute("LOCK TABLE operation_steps IN SHARE MODE")
            yield
            other.rollback()

    def blocked(self, pid: int) -> bool:
        """Whether this process waits for a lock of the database."""
        query = "SELECT client_port FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND client_port IS NOT NULL"
        ports = {row["client_port"] for row in self.rows(query)}
        with contextlib.suppress(psutil.Error):
            return any(link.laddr.port in ports for link in psutil.Process(pid).net_connections("tcp"))
        return False

    # The simulator

    def leftovers(self) -> list[Leftover]:
        return self.simulator.leftovers()

    def last_call(self) -> int:
        """The sequence number of the newest call."""
        return len(self.simulator.calls())

    def calls(self, since: int) -> list[CallEntry]:
        return self.simulator.calls(since)

    def until_quiet(self, since: int) -> None:
        """Wait until no request is at work at a provider any more, whoever has given it up."""
        until(lambda: all(call.ended for call in self.calls(since)), 20, "requests at the providers to end")

    # Processes

    def busy(self, *functions: str) -> dict[int, str]:
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

    def renew(self) -> None:
        """Everything forgotten: the providers, the database's rows, and every process that has a memory."""
        self.simulator.clear_faults()
        self.simulator.reset()
        for function in self.stack.status()["functions"].values():
            if function["handler"].startswith("tasks."):
                for worker in function["workers"]:
                    if worker["pid"] is not None:
                        self.kill(worker["pid"])
        with psycopg.connect(self.stack.database_url, autocommit=True) as other:
            other.execute("SET lock_timeout = '5s'")
            tables = "operation_resources, operation_steps, operations, instance_services, instance_infra"
            with contextlib.suppress(psycopg.errors.LockNotAvailable):
                other.execute(f"TRUNCATE {tables} CASCADE")

    # Step Functions

    def execution_runs(self, kind: str, operation_id: str) -> bool:
        """Whether Step Functions is at work for this operation, for the first time or again."""
        arn = self.stack.status()["stateMachines"][MACHINES[kind]]
        wanted = {"stateMachineArn": arn, "statusFilter": "RUNNING"}
        found = self.stack._running.aws._states("ListExecutions", wanted, kind)["executions"]
        return any(execution["name"].startswith(operation_id) for execution in found)

    @contextlib.contextmanager
    def start_fails(self, how: str) -> Iterator[None]:
        """StartExecution answers 500 while this lasts; with `how` "lost" its work is done all the same."""
        self._fail_start = how
        try:
            yield
        finally:
            self._fail_start = None

    def _wrap_start(self) -> None:
        aws = self.stack._running.aws
        inner = aws._moto
        assert inner is not None

        def outer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            starts = str(environ.get("HTTP_X_AMZ_TARGET", "")).endswith(".StartExecution")
            if not starts or self._fail_start is None:
                return inner(environ, start_response)
            if self._fail_start == "lost":
                for _ in inner(environ, lambda *_: None):
                    pass
            else:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("500 Internal Server Error", [("Content-Length", "2")])
            return [b"{}"]

        aws._moto = outer


def until(look: Callable[[], T | None], within: float, what: str, every: float = 0.02) -> T:
    """What `look` returns as soon as it is something."""
    deadline = time.monotonic() + within
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise NotInTime(f"waited {within:g} s for {what}")
        time.sleep(every)
