"""An approval that is given over HTTP after everything has been killed: a new stream tells the rest."""

from pathlib import Path

import httpx

from tests.local.support import CHECKOUT, Running
from tests.prompts.following import asked, followed, granted, page, user
from tests.prompts.test_restart import SIMULATED, killed
from tests.workflow.helpers import fresh_id


def test_approval_after_stream_runner_and_postgres_were_killed_continues_the_prompt(tmp_path: Path) -> None:
    changes = {"POINTSMAN_DATA": str(tmp_path), "SETTLE_SECONDS": "1", **SIMULATED}
    instance = fresh_id()
    with Running(CHECKOUT, **changes) as running, user(running.url, "ada") as client:
        first = asked(client, f"Create an instance named {instance}")
        shown = first.to("prompt.approval")
        killed(running)
        assert first.next() is None
        assert first.broken
    with Running(CHECKOUT, **changes) as running, user(running.url, "ada") as client:
        prompt_id, call_id = first.prompt_id, shown.data["toolCallId"]
        assert page(client, prompt_id)["approval"]["input"] == shown.data["input"]
        second = followed(client, prompt_id, shown.id)
        granted(client, prompt_id, toolCallId=call_id)
        rest = second.to_the_end()
        whole = followed(client, prompt_id).to_the_end()
        assert [*first.messages, *rest] == whole
        assert [message.event for message in whole] == [
            "prompt.created", "prompt.approval", "prompt.output", "prompt.output", "prompt.completed",
        ]  # fmt: skip
        output = whole[2].data
        assert (output["id"], output["result"]["type"]) == (call_id, "success")
        assert output["result"]["output"]["instanceId"] == instance
        assert repeated(client, prompt_id, call_id) == 404


def repeated(client: httpx.Client, prompt_id: str, call_id: str) -> int:
    return client.post(f"/prompts/{prompt_id}/approve", json={"toolCallId": call_id}).status_code
