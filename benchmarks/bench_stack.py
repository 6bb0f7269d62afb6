"""The stack that a group measures: this checkout's, and behind the same gateway a function that does nothing."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from benchmarks.load_client import ClientProcess, Request, open_client_process
from benchmarks.machine import TreeMemory, measure_tree
from local.console import Console
from local.settings import Settings
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack

ROOT = Path(__file__).resolve().parent.parent
BARE_FUNCTION, BARE_PATH = "BareFunction", "/bare"
BARE_MODULE = "def handler(event, context):\n    return {}\n"
_BARE_RESOURCE = f"""
Resources:
  {BARE_FUNCTION}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: bare
      Handler: bare.handler
      Events:
        Route:
          Type: HttpApi
          Properties: {{ApiId: !Ref Api, Method: GET, Path: {BARE_PATH}, Auth: {{Authorizer: NONE}}}}
"""
SIMULATOR_TIMEOUT_SECONDS = 120.0

INSTANT_PROVIDERS = {
    "telnyx": {"order_seconds": 0, "number_lag_s": 0},
    "railway": {"deploy_seconds": 0},
}
"""Providers that take nothing but the latency of each call, so that no call is repeated while one waits."""

NO_QUOTAS = {
    f"{quota}_{scope}": "off"
    for quota in ("PROMPTS_AT_ONCE", "PROMPTS_AN_HOUR", "TOKENS_A_DAY", "WAITING_APPROVALS", "STREAMS")
    for scope in ("PER_USER", "FOR_ALL")
}
"""Settings without a quota: a benchmark's prompts and streams are those of few users, and many."""


@dataclass(frozen=True)
class BenchStack:
    """A running stack with the clients of its benchmark."""

    stack: Stack
    simulator: SimulatorClient
    client: ClientProcess

    @property
    def simulator_url(self) -> str:
        """Origin of the simulator."""
        return self.simulator.origin

    def request(self, method: str, path: str, body: object = None) -> Request:
        """Make a request to the Services API."""
        headers = {"Authorization": f"Bearer {self.stack.api_key}"}
        return Request(method, self.stack.url + path, headers, body)

    def connect_database(self) -> "psycopg.Connection[tuple[object, ...]]":
        """Open a connection to the stack's database; each statement commits."""
        return psycopg.connect(self.stack.database_url, autocommit=True)

    def find_worker_pids(self, function: str) -> list[int]:
        """Return the pids of a function's processes."""
        return [worker["pid"] for worker in self.stack.status()["functions"][function]["workers"]]

    def measure_memory(self) -> TreeMemory:
        """Measure all processes of the stack; this process is one of them, as it runs the gateway."""
        status = self.stack.status()
        workers = [worker["pid"] for function in status["functions"].values() for worker in function["workers"]]
        pids = [pid for pid in [*workers, *status["processes"].values()] if pid]
        return measure_tree(os.getpid(), pids, [self.client.pid])


@contextmanager
def open_bench_stack(
    concurrency: int | None = None, streams: int | None = None, **variables: str
) -> Iterator[BenchStack]:
    """Run a stack without schedules and with every provider simulated, and the clients' process.

    Args:
        concurrency: Most processes of one function; the runner's own limit by default.
        streams: The same for functions that stream.
        **variables: Settings of the functions.
    """
    # A benchmark creates and destroys as many as it needs.
    unlimited = {"FLEET_MAX_INSTANCES": "0", "FLEET_MAX_SPEND_USD": "0", "DESTROY_HOLD_COUNT": "0"}
    environment = {"PATH": os.environ["PATH"], **NO_QUOTAS, **unlimited, **variables}
    with tempfile.TemporaryDirectory() as folder, open_client_process() as client:
        settings = Settings.isolated({**environment, "POINTSMAN_DATA": str(Path(folder) / "data")}, ROOT)
        settings = replace(
            settings, template=write_template(Path(folder)), port=0, environment=environment, schedules=False,
            concurrency=concurrency or settings.concurrency,
            stream_concurrency=streams or settings.stream_concurrency,
        )  # fmt: skip
        with Stack(settings, Console(quiet=True)) as stack:
            assert stack.simulator_url is not None
            with SimulatorClient(stack.simulator_url, SIMULATOR_TIMEOUT_SECONDS) as simulator:
                simulator.update_config(INSTANT_PROVIDERS)
                yield BenchStack(stack, simulator, client)


def write_template(folder: Path) -> Path:
    """Write the checkout's template with the bare function into a folder, beside links to what it names."""
    text = (ROOT / "template.yaml").read_text()
    assert text.count("\nResources:\n") == 1
    for name in ("functions", "layers", "statemachines"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "bare").mkdir()
    (folder / "bare" / "bare.py").write_text(BARE_MODULE)
    path = folder / "template.yaml"
    path.write_text(text.replace("\nResources:\n", _BARE_RESOURCE))
    return path
