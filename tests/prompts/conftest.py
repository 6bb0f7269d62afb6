"""The harness of the prompt loop, with and without the stack's own executions."""

from collections.abc import Iterator

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.agent.loop import model_turn
from tests.harness.function_environment import function_environment, use_environment
from tests.harness.stack import NO_QUOTAS
from tests.harness.step_functions import create_idle_state_machine
from tests.prompts.engine_harness import EngineHarness


@pytest.fixture(scope="session")
def idle_state_machine(stack: Stack) -> str:
    """The ARN of a state machine that does nothing: these tests advance prompts in its place."""
    return create_idle_state_machine(stack)


@pytest.fixture
def engine(
    stack: Stack, simulator: SimulatorClient, idle_state_machine: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EngineHarness]:
    """The prompt loop in this process, with the sample agent; executions do nothing."""
    yield from _open_engine(stack, simulator, monkeypatch, idle_state_machine)


@pytest.fixture
def live_engine(stack: Stack, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineHarness]:
    """The same harness, but the stack's state machine and functions run the prompts, with the bundle's tools."""
    state_machine_arn = stack.status()["stateMachines"]["RunPromptMachine"]
    yield from _open_engine(stack, simulator, monkeypatch, state_machine_arn)


def _open_engine(
    stack: Stack, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch, state_machine_arn: str
) -> Iterator[EngineHarness]:
    changes = {"PROMPT_STATE_MACHINE_ARN": state_machine_arn, **NO_QUOTAS}
    environment = function_environment(stack, "AdvancePromptFunction", **changes)
    with use_environment(monkeypatch, environment):
        engine = EngineHarness(stack, simulator, environment)
        yield engine
        engine.close()
        if model_turn._build_model_client.cache_info().currsize:
            model_turn._get_model_client().close()
            model_turn._build_model_client.cache_clear()
