"""An approval over HTTP after everything was killed: a new stream has the rest."""

from pathlib import Path

import pytest

from local.simulator.client import SimulatorClient
from tests.harness.agent_api import expect_error
from tests.harness.checkout import link_checkout
from tests.harness.clients import agent_client
from tests.harness.database import connect
from tests.harness.runner_process import RunnerProcess
from tests.harness.wait import wait_until
from tests.prompts.prompt_stream import (
    decide,
    decide_successfully,
    get_prompt,
    open_stream,
    post_prompt,
    text_turn,
)

pytestmark = pytest.mark.slow

ARGUMENTS = {"instanceId": "kept", "variables": {"COLOUR": "green"}}
SHOWN = {"instanceId": "kept", "variables": {"COLOUR": "***"}}
TURNS = (
    {"calls": [{"name": "instances.configure", "call_id": "call_1", "arguments": ARGUMENTS}], "usage": None},
    text_turn("It is green."),
)


def test_approval_after_everything_was_killed_continues_the_prompt(tmp_path: Path) -> None:
    root = link_checkout(tmp_path)
    with RunnerProcess.with_simulated_providers(root) as running, agent_client(running.url, "ada") as client:
        with SimulatorClient(running.get_banner_value("simulator")) as simulator:
            simulator.script_model(*TURNS, match="Make it green")
        first = post_prompt(client, "Make it green")
        shown = first.read_until_event("prompt.approval")
        with connect(running.database_url) as db:
            query = "SELECT FROM prompts WHERE id = %s AND task_token IS NOT NULL"
            wait_until(lambda: db.execute(query, (first.prompt_id,)).rowcount == 1, 40)
        running.kill_all()
        assert first.next_event() is None
        assert first.is_broken
    with RunnerProcess.with_simulated_providers(root) as running, agent_client(running.url, "ada") as client:
        prompt_id = first.prompt_id
        with SimulatorClient(running.get_banner_value("simulator")) as simulator:
            simulator.script_model(*TURNS, match="Make it green")
            insert_instance(running, simulator)
        assert get_prompt(client, prompt_id)["approval"]["input"] == shown.data["input"] == SHOWN
        second = open_stream(client, prompt_id, shown.id)
        decide_successfully(client, prompt_id, input=ARGUMENTS)
        rest = second.read_to_end()
        whole = open_stream(client, prompt_id).read_to_end()
        assert [*first.messages, *rest] == whole
        assert [message.event for message in whole] == [
            "prompt.created", "prompt.approval", "prompt.output", "prompt.output", "prompt.completed",
        ]  # fmt: skip
        assert whole[2].data["result"] == {"type": "success", "output": {"instanceId": "kept", "ok": True}}
        assert whole[3].data["content"] == "It is green."
        expect_error(decide(client, prompt_id), 404, "PROMPT_NOT_FOUND")


def insert_instance(running: RunnerProcess, simulator: SimulatorClient) -> None:
    """Insert the instance that the approved tool configures: the simulator lost its state."""
    with connect(running.database_url) as db:
        db.execute(
            "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id)"
            " VALUES ('kept', %s, 'sim-environment')",
            (simulator.seed_services(1)[0],),
        )
