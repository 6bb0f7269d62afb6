from collections.abc import Iterator

import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from pointsman.agent.loop import asking
from pointsman.db import connection
from tests.prompts.bench import Bench, environment_of


@pytest.fixture(scope="session")
def idle_machine(stack: Stack) -> str:
    """A state machine that does nothing: these tests play its part."""
    body = {"name": "Idle", "definition": '{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}'}
    role = "arn:aws:iam::123456789012:role/local"
    return stack._running.aws._states("CreateStateMachine", {**body, "roleArn": role}, "Idle")["stateMachineArn"]


@pytest.fixture
def bench(
    stack: Stack, simulator: SimulatorClient, idle_machine: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """The engine in this process, with the agent of the tests; no execution does anything."""
    yield from _bench(stack, simulator, monkeypatch, idle_machine)


@pytest.fixture
def live(stack: Stack, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The same, but prompts are run by the stack's own functions and state machine, with the bundle's own tools."""
    machine = stack.status()["stateMachines"]["RunPromptMachine"]
    yield from _bench(stack, simulator, monkeypatch, machine)


def _bench(stack: Stack, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch, machine: str) -> Iterator[Bench]:
    environment = environment_of(stack, machine)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connection.close()
    bench = Bench(stack, simulator, environment)
    yield bench
    bench.close()
    connection.close()
    if asking._model.cache_info().currsize:
        asking._model().close()
        asking._model.cache_clear()
