"""What all tests share: no address but loopback, and one running stack for those that want it."""

import os
import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from local.console import Console
from local.settings import Settings
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack

API_KEY = "test-services-key"
SETTLE_SECONDS = 2
ANSWER_WITHIN_SECONDS = 8
TAKEOVER_SECONDS = 30

NOT_PREWARMED = {
    "MigrateFunction", "NotFoundFunction", "OpenapiFunction", "HealthzFunction", "RegistryFunction",
    "DashboardInstancesFunction", "DashboardCreditsFunction", "StatusPollerFunction", "ReconcilerFunction",
    "RedeployFunction", "RetryOperationFunction", "AbandonOperationFunction",
    "AgentAuthorizerFunction", "CapabilitiesFunction", "ToolsFunction", "InvokeToolFunction", "AgentRoutesFunction",
    "AgentOpenapiFunction", "AgentDocsFunction",
    "PromptStreamFunction", "GetPromptFunction", "ApproveFunction", "RejectFunction", "CancelFunction",
    "AdvancePromptFunction", "AwaitApprovalFunction", "ClosePromptFunction", "PromptRecoveryFunction",
    "ConfigureFunction", "ProvisionFunction", "DestroyResourceFunction", "AttachToolFunction",
}  # fmt: skip
"""Functions that no create waits for; each starts when a test first calls it."""

_original_connect = socket.socket.connect


def _connect_to_loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"tests may not reach {address}")
    _original_connect(self, address)


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    socket.socket.connect = _connect_to_loopback_only  # type: ignore[method-assign]
    yield
    socket.socket.connect = _original_connect  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The bundle of this checkout, with every provider simulated and short waiting times."""
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "POINTSMAN_DATA": str(tmp_path_factory.mktemp("stack")),
        "POINTSMAN_SCHEDULES": "off",
        "SERVICES_API_KEY": API_KEY,
        "SETTLE_SECONDS": str(SETTLE_SECONDS),
        "RECONCILE_AFTER_SECONDS": "0",
        "PROMPT_SILENT_SECONDS": "0",
        "ANSWER_WITHIN_SECONDS": str(ANSWER_WITHIN_SECONDS),
        "IDEMPOTENCY_TAKEOVER_SECONDS": str(TAKEOVER_SECONDS),
        "PROVIDER_TIMEOUT_SECONDS": "5",
        "RAILWAY_TIMEOUT_SECONDS": "5",
        "POOL_API_KEY": "pool-key-of-the-tests",
    }
    settings = replace(Settings.load(environ=environment), environment=environment)
    with Stack(settings, Console(quiet=True)) as running:
        running.prewarm(name for name in running.status()["functions"] if name not in NOT_PREWARMED)
        yield running


@pytest.fixture
def simulator(stack: Stack) -> Iterator[SimulatorClient]:
    """The simulated providers, empty and without faults."""
    assert stack.simulator_url is not None
    with SimulatorClient(stack.simulator_url) as client:
        client.reset()
        yield client
        client.reset()


@pytest.fixture
def api(stack: Stack, simulator: SimulatorClient) -> Iterator[httpx.Client]:
    """The Services API with the right key."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    # Reading the certificates that plain HTTP does not need would take as long as most tests.
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60, verify=False) as client:
        yield client


@pytest.fixture
def agent(stack: Stack) -> Iterator[httpx.Client]:
    """The Agent API, for a user whom no other test has."""
    headers = {"X-User-Id": f"user-{uuid.uuid4()}"}
    with httpx.Client(base_url=f"{stack.url}/api", headers=headers, timeout=60, verify=False) as client:
        yield client


@pytest.fixture
def db(stack: Stack) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with psycopg.connect(stack.database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection
