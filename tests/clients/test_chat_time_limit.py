"""A stream whose time is over before its prompt, in both chat protocols: the client is told, and comes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulator.client import SimulatorClient
from tests.clients.node_driver import run_script
from tests.harness.checkout import link_checkout
from tests.harness.runner_process import RunnerProcess
from tests.prompts.prompt_stream import text_turn, unique_text

pytestmark = pytest.mark.clients

FOLDER = Path(__file__).parent
SLOW_TURN = {**text_turn("One two three four five six seven eight."), "gap_s": 0.4}
HEADERS = {"X-User-Id": "ada"}


@pytest.fixture(scope="module")
def hasty_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle, with streams of two seconds."""
    root = link_checkout(tmp_path_factory.mktemp("hasty"))
    with RunnerProcess.with_simulated_providers(root, STREAM_MAX_SECONDS="2") as running:
        yield running


@pytest.fixture
def text(hasty_runner: RunnerProcess) -> str:
    """A message whose answer takes longer than a stream."""
    text = unique_text()
    with SimulatorClient(hasty_runner.get_banner_value("simulator")) as simulator:
        simulator.script_model(SLOW_TURN, match=text)
    return text


def test_the_ai_sdk_resumes(hasty_runner: RunnerProcess, text: str) -> None:
    with run_script(FOLDER / "aisdk/chat.cjs") as chat:
        chat.call("open", url=f"{hasty_runner.url}/api/chat", headers=HEADERS, id="chat-1")
        state = chat.call("send", text=text)
        assert (state["status"], state["finishes"][-1]["finishReason"]) == ("ready", "interrupted")
        for _ in range(10):
            state = chat.call("resume")
            if state["finishes"][-1]["finishReason"] == "stop":
                break
    texts = [part["text"] for part in state["messages"][-1]["parts"] if part["type"] == "text"]
    assert (texts, len(state["messages"])) == ([SLOW_TURN["text"]], 2)


def test_ag_ui_runs_again(hasty_runner: RunnerProcess, text: str) -> None:
    with run_script(FOLDER / "agui/agent.cjs") as agent:
        agent.call("open", url=f"{hasty_runner.url}/api/agui", headers=HEADERS, threadId="thread-1")
        agent.call("add", id="message-1", content=text)
        state = agent.call("run")
        assert state["events"][-1]["code"] == "STREAM_ENDED"
        for _ in range(10):
            state = agent.call("run")
            if state["events"][-1]["type"] == "RUN_FINISHED":
                break
    assert [message["content"] for message in state["messages"]] == [text, SLOW_TURN["text"]]
