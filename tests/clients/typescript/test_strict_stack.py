"""A stack that checks keys and whose streams are short: wrong credentials, and streams that the server ends."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from tests.clients.typescript.cutting_proxy import run_proxy
from tests.clients.typescript.node_project import NodeProject
from tests.harness.checkout import link_checkout
from tests.harness.ids import unique_id
from tests.harness.runner_process import RunnerProcess
from tests.prompts.prompt_stream import destroy_turn, text_turn, unique_text

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]

OPERATOR_KEY = "operator-key-0123456789"


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle as a backend meets it: with keys for the Agent API. A stream lasts a second."""
    with RunnerProcess.with_simulated_providers(
        link_checkout(tmp_path_factory.mktemp("strict")),
        AGENT_AUTH="api_key", AGENT_API_KEY="agent-key-0123456789", AGENT_OPERATOR_API_KEY=OPERATOR_KEY,
        STREAM_MAX_SECONDS="1",
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def runner_simulator(runner: RunnerProcess) -> Iterator[SimulatorClient]:
    with SimulatorClient(runner.get_banner_value("simulator")) as client:
        client.reset()
        yield client


def run_prompt(project: NodeProject, url: str, key: str = OPERATOR_KEY, **arguments: object) -> dict[str, Any]:
    """Run the scenario `prompt` for a new user."""
    client = {"baseUrl": url, "apiKey": key, "userId": unique_id("user-"), "retry": {"attempts": 2}}
    return project.run("prompt", client=client, **arguments)


def test_a_stream_that_the_server_ends_is_continued(
    project: NodeProject, runner: RunnerProcess, runner_simulator: SimulatorClient
) -> None:
    """Also more often than a request is repeated: an end in time is no failure."""
    text = unique_text()
    turns = {**destroy_turn(), "latency_s": 2}, {**text_turn("Well."), "latency_s": 3}
    runner_simulator.script_model(*turns, match=text)
    with run_proxy(runner.url) as proxy:
        result = run_prompt(project, proxy.url, input=text, decision="approve")
    assert result["error"] is None
    assert [(event["type"], event["id"]) for event in result["events"]] == [
        ("created", "1"), ("approval", "2"), ("output", "3"), ("output", "4"), ("completed", "5"),
    ]  # fmt: skip
    streams = [line for line in proxy.requests if "/stream " in line]
    assert len(streams) > 2


def test_a_wrong_key_of_the_agent_api_is_an_error_that_does_not_show_it(
    project: NodeProject, runner: RunnerProcess
) -> None:
    error = run_prompt(project, runner.url, "a-wrong-key", input="Hello")["error"]
    assert (error["name"], error["status"], error["code"]) == ("PointsmanError", 401, "AUTH_REQUIRED")
    assert error["requestId"]
    assert "a-wrong-key" not in str(error)


def test_another_users_prompt_is_not_found(
    project: NodeProject, runner: RunnerProcess, runner_simulator: SimulatorClient
) -> None:
    text = unique_text()
    runner_simulator.script_model(text_turn("Hello."), match=text)
    prompt_id = run_prompt(project, runner.url, input=text)["events"][0]["promptId"]
    error = run_prompt(project, runner.url, follow={"promptId": prompt_id})["error"]
    assert (error["status"], error["code"]) == (404, "PROMPT_NOT_FOUND")
