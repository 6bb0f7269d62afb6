"""The simulated providers: one of a test's own as a process, and what a simulator was asked and holds."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.simulator.client import SimulatorClient
from pointsman.providers.railway import RailwayClient
from pointsman.settings.providers import RailwaySettings

from .paths import CHECKOUT, PYTHONPATH
from .wait import wait_until


@contextmanager
def start_simulator() -> Iterator[str]:
    """Run a simulator as a process, so that its CPU time is not the test's; yields its origin."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.simulator", "--port", "0"],
        cwd=CHECKOUT, env=os.environ | {"PYTHONPATH": PYTHONPATH}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout:
        ready = process.stdout.readline()
        assert ready.startswith("simulator ready on "), ready
        yield ready.split()[-1]
        process.terminate()
        process.wait(10)


def called_operations(simulator: SimulatorClient, provider: str) -> list[str]:
    """The operations that were called at a provider, in order."""
    return [call.operation for call in simulator.list_calls() if call.provider == provider]


def count_calls(simulator: SimulatorClient, operation: str) -> int:
    """How often an operation was called, whose name no other provider has."""
    return sum(call.operation == operation for call in simulator.list_calls())


def model_requests(simulator: SimulatorClient) -> list[dict[str, Any]]:
    """The bodies of all requests to the model, in order."""
    return [call.body for call in simulator.list_calls() if call.provider == "model"]  # type: ignore[misc]


def wait_for_call(simulator: SimulatorClient, operation: str, count: int = 1) -> None:
    """Wait until an operation has been called `count` times; a call that is being delayed counts."""
    wait_until(lambda: count_calls(simulator, operation) >= count, description=f"{count} calls of {operation}")


def list_deployments(simulator: SimulatorClient, service_id: str) -> list[dict[str, Any]]:
    """The deployments of a Railway service, oldest first."""
    deployments: Any = simulator.get_state()["railway"]["deployments"]  # type: ignore[index, call-overload]
    own = [deployment for deployment in deployments.values() if deployment["service_id"] == service_id]
    return sorted(own, key=lambda deployment: deployment["created_at"])


def set_deployment_status(simulator: SimulatorClient, service_id: str, status: str) -> None:
    """Set the status of a service's newest deployment."""
    simulator.set_deployment_status(list_deployments(simulator, service_id)[-1]["id"], status)


def make_railway_client(simulator: SimulatorClient, environment_id: str = "sim-environment") -> RailwayClient:
    """The product's Railway client, for what happens at the simulated Railway beside the stack."""
    image = "ghcr.io/xmtplabs/convos-runtime:latest"
    settings = RailwaySettings("t", "sim-project", environment_id, "", image, simulator.base_urls.railway, 5)
    return RailwayClient(settings)
