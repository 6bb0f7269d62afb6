"""An approval that is given over HTTP after everything has been killed: a new stream tells the rest."""

from pathlib import Path

import psycopg
import pytest

from local.simulator.client import SimulatorClient
from tests.contract.test_agent_api import refused
from tests.local.support import CHECKOUT, SIMULATED, Running
from tests.prompts.following import asked, decide, followed, granted, page, said, user
from tests.workflow.helpers import until

pytestmark = pytest.mark.slow

ARGUMENTS = {"instanceId": "kept", "variables": {"COLOUR": "green"}}
TURNS = (
    {"calls": [{"name": "instances.configure", "call_id": "call_1", "arguments": ARGUMENTS}], "usage": None},
    said("It is green."),
)


def test_approval_after_stream_runner_and_postgres_were_killed_continues_the_prompt(tmp_path: Path) -> None:
    changes = {"POINTSMAN_DATA": str(tmp_path), **SIMULATED}
    with Running(CHECKOUT, **changes) as running, user(running.url, "ada") as client:
        with SimulatorClient(running.banner("simulator")) as simulator:
            simulator.script_model(*TURNS, match="Make it green")
        first = asked(client, "Make it green")
        shown = first.to("prompt.approval")
        with psycopg.connect(running.database_url, autocommit=True) as db:
            query = "SELECT FROM prompts WHERE id = %s AND task_token IS NOT NULL"
            until(lambda: db.execute(query, (first.prompt_id,)).rowcount == 1 or None, 40)
        running.kill()
        assert first.next() is None
        assert first.broken
    with Running(CHECKOUT, **changes) as running, user(running.url, "ada") as client:
        prompt_id = first.prompt_id
        with SimulatorClient(running.banner("simulator")) as simulator:
            simulator.script_model(*TURNS, match="Make it green")
            make_instance(running, simulator)
        assert page(client, prompt_id)["approval"]["input"] == shown.data["input"] == ARGUMENTS
        second = followed(client, prompt_id, shown.id)
        granted(client, prompt_id, input=ARGUMENTS)
        rest = second.to_the_end()
        whole = followed(client, prompt_id).to_the_end()
        assert [*first.messages, *rest] == whole
        assert [message.event for message in whole] == [
            "prompt.created", "prompt.approval", "prompt.output", "prompt.output", "prompt.completed",
        ]  # fmt: skip
        assert whole[2].data["result"] == {"type": "success", "output": {"instanceId": "kept", "ok": True}}
        assert whole[3].data["content"] == "It is green."
        refused(decide(client, prompt_id), 404, "PROMPT_NOT_FOUND")


def make_instance(running: Running, simulator: SimulatorClient) -> None:
    """For the tool that is approved; what the simulator knew is gone with it."""
    with psycopg.connect(running.database_url, autocommit=True) as db:
        db.execute(
            "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id)"
            " VALUES ('kept', %s, 'sim-environment')",
            (simulator.seed_services(1)[0],),
        )
