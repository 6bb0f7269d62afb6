from collections.abc import Iterator

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.agent.loop import model_turn
from pointsman.db import connection
from tests.prompts.engine_harness import EngineHarness, advance_function_environment


@pytest.fixture(scope="session")
def idle_state_machine(stack: Stack) -> str:
    """A state machine that does nothing: these tests play its part."""
    body = {"name": "Idle", "definition": '{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}'}
    role = "arn:aws:iam::123456789012:role/local"
    return stack.call_step_functions("CreateStateMachine", {**body, "roleArn": role})["stateMachineArn"]


@pytest.fixture
def engine(
    stack: Stack, simulator: SimulatorClient, idle_state_machine: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EngineHarness]:
    """The engine in this process, with the agent of the tests; no execution does anything."""
    yield from _open_engine(stack, simulator, monkeypatch, idle_state_machine)


@pytest.fixture
def live_engine(stack: Stack, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineHarness]:
    """The same, but prompts are run by the stack's own functions and state machine, with the bundle's own tools."""
    state_machine_arn = stack.status()["stateMachines"]["RunPromptMachine"]
    yield from _open_engine(stack, simulator, monkeypatch, state_machine_arn)


def _open_engine(
    stack: Stack, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch, state_machine_arn: str
) -> Iterator[EngineHarness]:
    environment = advance_function_environment(stack, state_machine_arn)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connection.close()
    engine = EngineHarness(stack, simulator, environment)
    yield engine
    engine.close()
    connection.close()
    if model_turn._get_model_client.cache_info().currsize:
        model_turn._get_model_client().close()
        model_turn._get_model_client.cache_clear()
